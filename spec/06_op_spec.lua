-- Ops: flows that say what they need, one after the other in threads that are kept.
local drive = require("tuya.drive")
local flow = require("tuya.flow")
local op = require("tuya.op")

local yield = coroutine.yield

local function asks(...)
   return yield("load", ...)
end

describe("an op", function()
   it("runs to its effects and holds what its flow returned", function()
      local made = op.new(function(a, b, c) return b, yield("sleep", a), c end, 1, nil, 3)
      assert.same({ "sleep", 1 }, { made:step() })
      assert.is_false(made.done)
      assert.is_nil(made:step("slept"))
      assert.is_true(made.done)
      local a, b, c = made:returned()
      assert.same({ nil, "slept", 3 }, { a, b, c })
   end)

   it("leaves its thread to the next, and nothing in it", function()
      local held = setmetatable({}, { __mode = "k" })
      local function give(what) return what end
      do
         local what = {}
         held[what] = true
         local made = op.new(give, what)
         made:step()
      end
      collectgarbage()
      collectgarbage()
      assert.is_nil(next(held))
      local running
      local function look() running = coroutine.running() end
      op.new(look):step()
      local before = running
      op.new(look):step()
      assert.equal(before, running)
   end)

   it("that is given up in the middle keeps its thread to itself", function()
      local first = op.new(asks, "a")
      assert.same({ "load", "a" }, { first:step() })
      first:abandon("enough")
      local second, third = op.new(asks, "b"), op.new(asks, "c")
      assert.same({ "load", "b" }, { second:step() })
      assert.same({ "load", "c" }, { third:step() })
      second:step("of b")
      third:step("of c")
      assert.equal("of b of c", second:returned() .. " " .. third:returned())
   end)

   it("that gives itself up in mid-step does not lend a thread that still has its flow", function()
      local made
      made = op.new(function()
         made:abandon("from within")
         return asks("mine")
      end)
      assert.same({ "load", "mine" }, { made:step() })
      local another = op.new(function(value) return value end, 7)
      assert.is_nil(another:step())
      assert.equal(7, (another:returned()))
   end)

   it("takes nothing over from a function whose thread it has", function()
      local host, thread = { transport = { now = os.time } }, nil
      flow.new(host, function() thread = coroutine.running() end):step()
      local made = op.new(function() return coroutine.running() == thread, drive.pick(host) end)
      made:step()
      assert.same({ true, nil }, { made:returned() })
   end)

   it("that raises says so, and spoils no other", function()
      local made = op.new(error, "oops", 0)
      assert.error_matches(function() made:step() end, "^oops$")
      assert.is_true(made.done)
      local another = op.new(asks, "x")
      assert.same({ "load", "x" }, { another:step() })
      assert.is_nil(another:step(5))
      assert.equal(5, (another:returned()))
   end)
end)
