; Definitions of Python: classes, functions, methods, the names a module or class assigns, and the fields that
; __init__ assigns to the object.
(class_definition name: (_) @name body: (_)? @body) @class
(decorated_definition definition: (class_definition name: (_) @name body: (_)? @body)) @class
(function_definition name: (_) @name body: (_)? @body) @function
(decorated_definition definition: (function_definition name: (_) @name body: (_)? @body)) @function
(class_definition body: (block (function_definition name: (_) @name body: (_)? @body) @method))
(class_definition body: (block (decorated_definition definition: (function_definition name: (_) @name body: (_)? @body)) @method))
(module (expression_statement (assignment left: (identifier) @name) @variable))
(module (expression_statement (assignment left: (identifier) @name) @constant (#match? @name "^[A-Z][A-Z0-9_]*$")))
(class_definition body: (block (expression_statement (assignment left: (identifier) @name) @field)))
(type_alias_statement left: (type (identifier) @name)) @type
(function_definition name: (identifier) @_init body: (block (expression_statement (assignment left: (attribute object: (identifier) @_self attribute: (identifier) @name)) @field)) (#eq? @_init "__init__") (#eq? @_self "self"))
