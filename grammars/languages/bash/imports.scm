; Imports of Bash: "source file" and ". file".
(command name: (command_name (word) @_command) . argument: (_) @module (#any-of? @_command "source" ".")) @import
