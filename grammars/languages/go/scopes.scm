; Scopes of Go: functions, methods, struct and interface types.
(function_declaration name: (_) @name body: (_)? @body) @function
(method_declaration name: (_) @name body: (_)? @body) @method
(type_declaration (type_spec name: (_) @name type: (struct_type (field_declaration_list) @body))) @struct
(type_declaration (type_spec name: (_) @name type: (interface_type "{" @body))) @interface
