-- What the specs themselves stand on: programs beside them.
local child = require("spec.support.child")

describe("a child", function()
   it("ends when its stdin is closed, though others were started since #once", function()
      local until_closed = child.command { "sh", "-c", "echo ready; timeout 10 cat && echo closed || echo forgotten" }
      local first = child.start(until_closed)
      local second = child.start(until_closed)
      assert.equal("closed\n", first:stop())
      assert.equal("closed\n", second:stop())
   end)
end)
