; Definitions of Bash: functions, and variables assigned at the top of the script.
(function_definition name: (_) @name body: (_)? @body) @function
(program (variable_assignment name: (variable_name) @name) @variable)
(program (declaration_command (variable_assignment name: (variable_name) @name)) @variable)
