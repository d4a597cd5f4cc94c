; Scopes of Java: classes, interfaces, enums, records, annotations, methods and constructors.
(class_declaration name: (_) @name body: (_)? @body) @class
(interface_declaration name: (_) @name body: (_)? @body) @interface
(enum_declaration name: (_) @name body: (_)? @body) @enum
(record_declaration name: (_) @name body: (_)? @body) @record
(annotation_type_declaration name: (_) @name body: (_)? @body) @interface
(method_declaration name: (_) @name body: (_)? @body) @method
(constructor_declaration name: (_) @name body: (_)? @body) @constructor
(compact_constructor_declaration name: (_) @name body: (_)? @body) @constructor
