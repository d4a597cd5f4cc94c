; Definitions of CSS: selectors, keyframes and custom properties.
(rule_set (selectors) @name (block) @body) @rule
(keyframes_statement (keyframes_name) @name (keyframe_block_list) @body) @keyframes
((declaration (property_name) @name) @variable (#match? @name "^--"))
