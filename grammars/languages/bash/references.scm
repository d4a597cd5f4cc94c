; References of Bash: commands that are run.
(command name: (command_name (word) @call))
