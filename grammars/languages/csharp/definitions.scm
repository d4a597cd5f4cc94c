; Definitions of C#: namespaces, types, members and enum constants.
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
(property_declaration name: (_) @name) @property
(field_declaration (variable_declaration (variable_declarator name: (_) @name))) @field
(event_field_declaration (variable_declaration (variable_declarator name: (_) @name))) @field
(delegate_declaration name: (_) @name) @type
(enum_member_declaration name: (_) @name) @constant
