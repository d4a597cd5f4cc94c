; Scopes of Markdown: the section below a heading.
(section . (atx_heading heading_content: (_) @name) @header) @section
