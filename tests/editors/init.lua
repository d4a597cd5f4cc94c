-- A bare Neovim, and then the lines that editors/README.md tells the user to write.
vim.g.loaded_python3_provider = 0 -- Neovim's own Python file type would look for a provider first, for seconds.
vim.o.swapfile = false
vim.o.shadafile = 'NONE'
vim.o.messagesopt = 'wait:0,history:500' -- A message that waits for a key would block every request of a test.
dofile(vim.env.CODESLM_TEST_SETUP)
