; Scopes of Python: classes, functions and methods; decorators belong to the header.
(class_definition name: (_) @name body: (_)? @body) @class
(decorated_definition definition: (class_definition name: (_) @name body: (_)? @body)) @class
(function_definition name: (_) @name body: (_)? @body) @function
(decorated_definition definition: (function_definition name: (_) @name body: (_)? @body)) @function
(class_definition body: (block (function_definition name: (_) @name body: (_)? @body) @method))
(class_definition body: (block (decorated_definition definition: (function_definition name: (_) @name body: (_)? @body)) @method))
