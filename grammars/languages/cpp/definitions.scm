; Definitions of C++: namespaces, types, functions, methods, members, macros and file-level variables.
(namespace_definition name: (_) @name body: (_)? @body) @namespace
(class_specifier name: (_) @name body: (_) @body) @class
(struct_specifier name: (_) @name body: (_) @body) @struct
(union_specifier name: (_) @name body: (_) @body) @union
(enum_specifier name: (_) @name body: (_) @body) @enum
(template_declaration (class_specifier name: (_) @name body: (_) @body)) @class
(template_declaration (struct_specifier name: (_) @name body: (_) @body)) @struct
(function_definition declarator: (function_declarator declarator: (_) @name) body: (_)? @body) @function
(function_definition declarator: (_ (function_declarator declarator: (_) @name)) body: (_)? @body) @function
(template_declaration (function_definition declarator: (function_declarator declarator: (_) @name) body: (_)? @body)) @function
(template_declaration (function_definition declarator: (_ (function_declarator declarator: (_) @name)) body: (_)? @body)) @function
(field_declaration_list (function_definition declarator: (function_declarator declarator: (_) @name) body: (_)? @body) @method)
(field_declaration_list (function_definition declarator: (_ (function_declarator declarator: (_) @name)) body: (_)? @body) @method)
(field_declaration_list (template_declaration (function_definition declarator: (function_declarator declarator: (_) @name) body: (_)? @body)) @method)
(function_definition declarator: (function_declarator declarator: (qualified_identifier) @name) body: (_)? @body) @method
(declaration declarator: (function_declarator declarator: (identifier) @name)) @function
(field_declaration declarator: (function_declarator declarator: (field_identifier) @name)) @method
(field_declaration declarator: (_ (function_declarator declarator: (field_identifier) @name))) @method
(translation_unit (declaration declarator: (identifier) @name) @variable)
(translation_unit (declaration declarator: (init_declarator declarator: (identifier) @name)) @variable)
(type_definition declarator: (type_identifier) @name) @type
(alias_declaration name: (_) @name) @type
(concept_definition name: (_) @name) @type
(field_declaration declarator: (field_identifier) @name) @field
(field_declaration declarator: (_ declarator: (field_identifier) @name)) @field
(enumerator name: (_) @name) @constant
(preproc_def name: (_) @name) @macro
(preproc_function_def name: (_) @name) @macro
