; Definitions of C: functions and their declarations, types, members, macros and file-level variables.
(function_definition declarator: (function_declarator declarator: (_) @name) body: (_)? @body) @function
(function_definition declarator: (pointer_declarator declarator: (function_declarator declarator: (_) @name)) body: (_)? @body) @function
(function_definition declarator: (pointer_declarator declarator: (pointer_declarator declarator: (function_declarator declarator: (_) @name))) body: (_)? @body) @function
(struct_specifier name: (_) @name body: (_) @body) @struct
(type_definition type: (struct_specifier name: (_) @name body: (_) @body)) @struct
(type_definition type: (struct_specifier !name body: (_) @body) declarator: (type_identifier) @name) @struct
(union_specifier name: (_) @name body: (_) @body) @union
(enum_specifier name: (_) @name body: (_) @body) @enum
(translation_unit (declaration declarator: (function_declarator declarator: (identifier) @name)) @function)
(translation_unit (declaration declarator: (pointer_declarator declarator: (function_declarator declarator: (identifier) @name))) @function)
(translation_unit (declaration declarator: (identifier) @name) @variable)
(translation_unit (declaration declarator: (init_declarator declarator: (identifier) @name)) @variable)
(translation_unit (declaration declarator: (init_declarator declarator: (_ declarator: (identifier) @name))) @variable)
(translation_unit (declaration declarator: (init_declarator declarator: (_ declarator: (_ declarator: (identifier) @name)))) @variable)
(type_definition declarator: (type_identifier) @name) @type
(field_declaration declarator: (field_identifier) @name) @field
(field_declaration declarator: (_ declarator: (field_identifier) @name)) @field
(enumerator name: (_) @name) @constant
(preproc_def name: (_) @name) @macro
(preproc_function_def name: (_) @name) @macro
