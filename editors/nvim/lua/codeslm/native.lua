--- Ghost text drawn by Neovim 0.12, with the keys that codeslm has on every version.
local api = vim.api
local M = {}

local NAMESPACE = api.nvim_create_namespace('nvim.lsp.inline_completion')

---@param buf integer
function M.attach(buf)
  vim.lsp.inline_completion.enable(true, { bufnr = buf })
end

---@param buf integer
function M.detach(buf)
  vim.lsp.inline_completion.enable(false, { bufnr = buf })
end

function M.is_visible()
  return #api.nvim_buf_get_extmarks(0, NAMESPACE, 0, -1, { limit = 1 }) > 0
end

---@param choose? fun(text: string): string
function M.accept(choose)
  return vim.lsp.inline_completion.get({
    on_accept = function(item)
      vim.go.undolevels = vim.go.undolevels -- What is accepted is one step that can be undone.
      if not choose or type(item.insert_text) ~= 'string' then
        return item
      end
      local start = item.range and { item.range:to_extmark() } or nil
      local column = api.nvim_win_get_cursor(0)[2]
      local typed = start and item.insert_text:sub(1, column - start[2]) or ''
      item.insert_text = typed .. choose(item.insert_text:sub(#typed + 1))
      item.command = nil
      return item
    end,
  })
end

---@param step integer
function M.cycle(step)
  if not M.is_visible() then
    return false
  end
  vim.lsp.inline_completion.select({ count = step })
  return true
end

function M.dismiss()
  vim.lsp.inline_completion.enable(false, { bufnr = 0 })
  vim.lsp.inline_completion.enable(true, { bufnr = 0 })
end

function M.invoke() end

return M
