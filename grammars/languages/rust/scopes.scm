; Scopes of Rust: functions, methods, impl and trait blocks, modules, structs, enums, unions and macros.
(function_item name: (_) @name body: (_)? @body) @function
(declaration_list (function_item name: (_) @name body: (_)? @body) @method)
(mod_item (declaration_list (function_item name: (_) @name body: (_)? @body) @function))
(impl_item type: (_) @name body: (_)? @body) @impl
(trait_item name: (_) @name body: (_)? @body) @trait
(mod_item name: (_) @name body: (_) @body) @module
(struct_item name: (_) @name body: (field_declaration_list) @body) @struct
(enum_item name: (_) @name body: (_)? @body) @enum
(union_item name: (_) @name body: (_)? @body) @union
(macro_definition name: (_) @name "{" @body) @macro
