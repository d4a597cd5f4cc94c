; Definitions of PHP: namespaces, types, functions, methods, properties and constants.
(namespace_definition name: (_) @name body: (_) @body) @namespace
(class_declaration name: (_) @name body: (_)? @body) @class
(interface_declaration name: (_) @name body: (_)? @body) @interface
(trait_declaration name: (_) @name body: (_)? @body) @trait
(enum_declaration name: (_) @name body: (_)? @body) @enum
(function_definition name: (_) @name body: (_)? @body) @function
(method_declaration name: (_) @name body: (_)? @body) @method
(namespace_definition name: (_) @name !body) @namespace
(property_declaration (property_element name: (_) @name)) @field
(const_declaration (const_element (name) @name)) @constant
(enum_case name: (_) @name) @constant
