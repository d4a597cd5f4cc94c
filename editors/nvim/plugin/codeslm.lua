if vim.g.loaded_codeslm or vim.fn.has('nvim-0.11') == 0 then
  return
end
vim.g.loaded_codeslm = true

vim.api.nvim_set_hl(0, 'ComplHint', { default = true, link = 'NonText' }) -- Neovim 0.11 does not have it.

vim.api.nvim_create_user_command('CodeSLM', function(call)
  require('codeslm.commands').command(call)
end, {
  nargs = '+',
  range = true,
  desc = 'Ask codeslm, or tell it what to do',
  complete = function(lead, line)
    return require('codeslm.commands').complete(lead, line)
  end,
})
