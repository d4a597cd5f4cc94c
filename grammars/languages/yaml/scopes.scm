; Scopes of YAML: keys whose value is a nested block.
(block_mapping_pair key: (_) @name ":" @header value: (block_node)) @key
