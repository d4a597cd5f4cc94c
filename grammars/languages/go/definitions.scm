; Definitions of Go: functions, methods, types, fields, constants and variables.
(function_declaration name: (_) @name body: (_)? @body) @function
(method_declaration name: (_) @name body: (_)? @body) @method
(type_declaration (type_spec name: (_) @name type: (struct_type (field_declaration_list) @body))) @struct
(type_declaration (type_spec name: (_) @name type: (interface_type "{" @body))) @interface
(type_declaration (type_spec name: (_) @name type: [(type_identifier) (function_type) (map_type) (slice_type) (pointer_type) (qualified_type) (channel_type) (array_type)])) @type
(type_alias name: (_) @name) @type
(source_file (const_declaration (const_spec name: (identifier) @name) @constant))
(source_file (var_declaration (var_spec name: (identifier) @name) @variable))
(source_file (var_declaration (var_spec_list (var_spec name: (identifier) @name) @variable)))
(field_declaration name: (field_identifier) @name) @field
(method_elem name: (field_identifier) @name) @method
