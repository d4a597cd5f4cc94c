; References of YAML: aliases of anchors.
(alias (alias_name) @alias)
