--- `:checkhealth codeslm`
local M = {}

function M.check()
  local config = require('codeslm.config')
  vim.health.start('codeslm')
  if vim.fn.has('nvim-0.11') == 1 then
    vim.health.ok(('Neovim %s'):format(tostring(vim.version())))
  else
    vim.health.error('Neovim is older than 0.11.', { 'Install Neovim 0.11 or newer.' })
    return
  end
  local program = config.options.cmd[1]
  if vim.fn.executable(program) == 1 then
    local said = vim.system({ program, '--version' }, { text = true }):wait(20000)
    if said.code == 0 then
      vim.health.ok(('%s %s'):format(vim.fn.exepath(program), vim.trim(said.stdout)))
    else
      vim.health.error(('%s does not run: %s'):format(program, vim.trim(said.stderr or '')), { 'Install codeslm anew with pip.' })
    end
    local models = vim.system({ program, 'models', 'list' }, { text = true }):wait(20000)
    if models.code == 0 then
      vim.health.info(vim.trim(models.stdout))
    end
  else
    vim.health.error(('%s is not on the path.'):format(program), {
      'Install codeslm (python3 -m pip install codeslm), or name the program in the option cmd.',
    })
  end
  local clients = vim.lsp.get_clients({ name = 'codeslm' })
  if #clients == 0 then
    vim.health.warn('The language server does not run.', {
      "Call require('codeslm').setup() in your configuration, and open a file.",
    })
    return
  end
  local state = require('codeslm').state()
  local report = state.kind == 'problem' and vim.health.error or vim.health.ok
  report('The language server runs: ' .. require('codeslm').said(state))
  for name, key in pairs(config.options.keys) do
    if key then
      vim.health.info(('%s: %s'):format(name, key))
    end
  end
end

return M
