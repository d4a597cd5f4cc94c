; Definitions of Rust: items, fields, variants and the methods a trait asks for.
(function_item name: (_) @name body: (_)? @body) @function
(declaration_list (function_item name: (_) @name body: (_)? @body) @method)
(mod_item (declaration_list (function_item name: (_) @name body: (_)? @body) @function))
(trait_item name: (_) @name body: (_)? @body) @trait
(mod_item name: (_) @name body: (_) @body) @module
(struct_item name: (_) @name body: (field_declaration_list) @body) @struct
(enum_item name: (_) @name body: (_)? @body) @enum
(union_item name: (_) @name body: (_)? @body) @union
(macro_definition name: (_) @name "{" @body) @macro
(struct_item name: (_) @name) @struct
(type_item name: (_) @name) @type
(const_item name: (_) @name) @constant
(static_item name: (_) @name) @variable
(mod_item name: (_) @name !body) @module
(function_signature_item name: (_) @name) @method
(field_declaration name: (_) @name) @field
(enum_variant name: (_) @name) @constant
