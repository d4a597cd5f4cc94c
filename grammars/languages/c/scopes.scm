; Scopes of C: function definitions, structs, unions and enums.
(function_definition declarator: (function_declarator declarator: (_) @name) body: (_)? @body) @function
(function_definition declarator: (pointer_declarator declarator: (function_declarator declarator: (_) @name)) body: (_)? @body) @function
(function_definition declarator: (pointer_declarator declarator: (pointer_declarator declarator: (function_declarator declarator: (_) @name))) body: (_)? @body) @function
(struct_specifier name: (_) @name body: (_) @body) @struct
(type_definition type: (struct_specifier name: (_) @name body: (_) @body)) @struct
(type_definition type: (struct_specifier !name body: (_) @body) declarator: (type_identifier) @name) @struct
(union_specifier name: (_) @name body: (_) @body) @union
(enum_specifier name: (_) @name body: (_) @body) @enum
