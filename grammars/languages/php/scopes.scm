; Scopes of PHP: braced namespaces, classes, interfaces, traits, enums, functions and methods.
(namespace_definition name: (_) @name body: (_) @body) @namespace
(class_declaration name: (_) @name body: (_)? @body) @class
(interface_declaration name: (_) @name body: (_)? @body) @interface
(trait_declaration name: (_) @name body: (_)? @body) @trait
(enum_declaration name: (_) @name body: (_)? @body) @enum
(function_definition name: (_) @name body: (_)? @body) @function
(method_declaration name: (_) @name body: (_)? @body) @method
