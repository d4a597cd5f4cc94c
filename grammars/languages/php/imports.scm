; Imports of PHP: use declarations, and include/require of a literal path.
(namespace_use_declaration (namespace_use_clause [(qualified_name) (name)] @module)) @import
(namespace_use_declaration (namespace_name) @module body: (namespace_use_group (namespace_use_clause . (name) @name))) @import
(expression_statement (require_once_expression (_) @module)) @import
(expression_statement (require_expression (_) @module)) @import
(expression_statement (include_once_expression (_) @module)) @import
(expression_statement (include_expression (_) @module)) @import
