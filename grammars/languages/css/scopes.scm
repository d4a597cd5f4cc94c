; Scopes of CSS: rule sets, media and supports blocks, and keyframes.
(rule_set (selectors) @name (block) @body) @rule
(media_statement "@media" @name (block) @body) @media
(supports_statement "@supports" @name (block) @body) @supports
(keyframes_statement (keyframes_name) @name (keyframe_block_list) @body) @keyframes
(keyframe_block . (_) @name (block) @body) @keyframe
