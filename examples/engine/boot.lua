-- boot.lua: one project of the engine's: a client, a scheduler, and rules that may change while they run.
-- host.c embeds it as the module "engine.boot" and calls open once, load whenever the file of rules changes, tick
-- once a frame, and close.
local scheduler = require("tuya.scheduler")
local tuya = require("tuya")

local boot = {}

local compile = loadstring or load

--- Opens a project. What it offers to rules: client, every(seconds, fn), spawn(fn), say(line).
function boot.open(options, say)
   local client = tuya.client(options)
   local tasks = scheduler.new(client)
   local running = {}
   local project = {}

   local function keep(task)
      running[#running + 1] = task
      return task
   end

   local offered = {
      client = client,
      say = say,
      every = function(seconds, fn) return keep(tasks:every(seconds, fn)) end,
      spawn = function(fn) return keep(tasks:spawn(fn)) end,
   }

   --- Puts new rules in the place of the old; those stay when the new ones cannot be used.
   function project.load(text, name)
      local chunk, message = compile(text, name)
      if not chunk then return say("rules not changed: " .. message) end
      local old = running
      running = {}
      local ok, trouble = pcall(chunk, offered)
      local unwanted = ok and old or running
      for _, task in ipairs(unwanted) do task:cancel() end
      if ok then return say("rules loaded") end
      running = old
      say("rules not changed: " .. tostring(trouble))
   end

   --- One frame's work, at most so many seconds of it.
   function project.tick(budget)
      local _, raised = tasks:tick(0, budget)
      for _, message in ipairs(raised or {}) do say(message) end
   end

   project.close = function() client:close() end
   return project
end

return boot
