; Definitions of YAML: the keys of a document, and anchors.
(document (block_node (block_mapping (block_mapping_pair key: (_) @name ":" @header) @key)))
(anchor (anchor_name) @name) @anchor
