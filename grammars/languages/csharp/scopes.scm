; Scopes of C#: namespaces, types, methods, constructors, properties with accessors and local functions.
(namespace_declaration name: (_) @name body: (_)? @body) @namespace
(class_declaration name: (_) @name body: (_)? @body) @class
(interface_declaration name: (_) @name body: (_)? @body) @interface
(struct_declaration name: (_) @name body: (_)? @body) @struct
(record_declaration name: (_) @name body: (_)? @body) @record
(enum_declaration name: (_) @name body: (_)? @body) @enum
(method_declaration name: (_) @name body: (_)? @body) @method
(constructor_declaration name: (_) @name body: (_)? @body) @constructor
(property_declaration name: (_) @name accessors: (_) @body) @property
(local_function_statement name: (_) @name body: (_)? @body) @function
