-- For `vim.lsp.enable('codeslm')`; what `require('codeslm').setup()` is given is laid over it.
return {
  cmd = { 'codeslm', 'serve' },
  root_markers = { '.git', 'pyproject.toml', 'package.json', 'go.mod', 'Cargo.toml' },
}
