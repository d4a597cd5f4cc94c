; Definitions of TSX: functions, classes, interfaces, types, enums, methods, fields and the names of a module.
(program (lexical_declaration "const" (variable_declarator name: (identifier) @name) @constant))
(program (lexical_declaration "let" (variable_declarator name: (identifier) @name) @variable))
(program (variable_declaration (variable_declarator name: (identifier) @name) @variable))
(program (export_statement declaration: (lexical_declaration (variable_declarator name: (identifier) @name) @constant)))
(function_declaration name: (_) @name body: (_)? @body) @function
(generator_function_declaration name: (_) @name body: (_)? @body) @function
(export_statement declaration: (function_declaration name: (_) @name body: (_)? @body)) @function
(export_statement declaration: (generator_function_declaration name: (_) @name body: (_)? @body)) @function
(class_declaration name: (_) @name body: (_)? @body) @class
(export_statement declaration: (class_declaration name: (_) @name body: (_)? @body)) @class
(method_definition name: (_) @name body: (_)? @body) @method
(lexical_declaration (variable_declarator name: (identifier) @name value: [(arrow_function body: (statement_block) @body) (function_expression body: (_) @body)])) @function
(variable_declaration (variable_declarator name: (identifier) @name value: [(arrow_function body: (statement_block) @body) (function_expression body: (_) @body)])) @function
(export_statement declaration: (lexical_declaration (variable_declarator name: (identifier) @name value: [(arrow_function body: (statement_block) @body) (function_expression body: (_) @body)]))) @function
(assignment_expression left: [(identifier) @name (member_expression property: (_) @name)] right: [(arrow_function body: (statement_block) @body) (function_expression body: (_) @body)]) @function
(pair key: (_) @name value: [(arrow_function body: (statement_block) @body) (function_expression body: (_) @body)]) @method
(abstract_class_declaration name: (_) @name body: (_)? @body) @class
(export_statement declaration: (abstract_class_declaration name: (_) @name body: (_)? @body)) @class
(interface_declaration name: (_) @name body: (_)? @body) @interface
(export_statement declaration: (interface_declaration name: (_) @name body: (_)? @body)) @interface
(enum_declaration name: (_) @name body: (_)? @body) @enum
(export_statement declaration: (enum_declaration name: (_) @name body: (_)? @body)) @enum
(internal_module name: (_) @name body: (_)? @body) @namespace
(module name: (_) @name body: (_)? @body) @namespace
(type_alias_declaration name: (_) @name) @type
(export_statement declaration: (type_alias_declaration name: (_) @name)) @type
(public_field_definition name: (_) @name) @field
(method_signature name: (_) @name) @method
(abstract_method_signature name: (_) @name) @method
(property_signature name: (_) @name) @field
(function_signature name: (_) @name) @function
