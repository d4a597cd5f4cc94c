; Scopes of JavaScript: functions, classes, methods, functions bound to a name, and callbacks (named by what is called).
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
(call_expression function: [(identifier) @name (member_expression property: (_) @name)] arguments: (arguments [(arrow_function body: (statement_block) @body) (function_expression body: (_) @body)])) @callback
