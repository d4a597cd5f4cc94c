; Scopes of HTML: elements; the header is the start tag.
(element (start_tag (tag_name) @name) @header) @element
(script_element (start_tag (tag_name) @name) @header) @element
(style_element (start_tag (tag_name) @name) @header) @element
