; Scopes of C++: namespaces, classes, structs, unions, enums, functions and methods; a template line belongs to the header.
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
