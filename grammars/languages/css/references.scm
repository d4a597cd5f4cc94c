; References of CSS: custom properties used through var().
((call_expression (function_name) @_function (arguments (plain_value) @variable)) (#eq? @_function "var"))
