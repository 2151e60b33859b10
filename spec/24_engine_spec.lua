-- examples/engine: two projects in a C host with a fixed loop, everything linked in. Built for 5.4 alone.
local child = require("spec.support.child")
local cloud = require("spec.support.cloud")

local PROJECTS = [[{ "projects": [ { "access_id": "engineproject1", "access_secret": "secret1" },
   { "access_id": "engineproject2", "access_secret": "secret2" } ] }]]

local function write(path, text)
   local file = assert(io.open(path, "wb"))
   file:write(text)
   file:close()
end

local function output_of(command)
   local pipe = io.popen(command .. " 2>&1; echo ended $?")
   local text = pipe:read("*a")
   pipe:close()
   return text
end

local BUILD = "cmake -S . -B build/embed -DTUYA_LUA=5.4 -DTUYA_EMBED=ON -DTUYA_HTTPD=OFF && "
   .. "cmake --build build/embed --target engine"

local RULES = [[
local engine = ...
local plug = engine.client:device("]] .. cloud.SOCKET .. [[")
engine.every(0.05, function() engine.say("VERSION " .. tostring(assert(plug:status()).switch)) end)
]]

-- How often a line with this text stands in another.
local function count(text, line)
   return select(2, text:gsub(line:gsub("%p", "%%%0"), ""))
end

describe("the engine #once", function()
   local directory, simulated

   setup(function()
      local built = output_of(BUILD)
      assert(built:find("ended 0", 1, true), built)
      directory = child.directory()
      write(directory .. "/projects.json", PROJECTS)
      simulated = child.start(child.command { os.getenv("LUA"), "bin/tuya", "simulate", "--quiet",
         "--projects", directory .. "/projects.json" })
   end)

   teardown(function()
      if simulated then simulated:stop() end
      child.remove(directory)
   end)

   it("runs two projects, reloads their rules, and keeps the old ones when the new cannot be used", function()
      local rules = directory .. "/rules.lua"
      write(rules, (RULES:gsub("VERSION", "first")))
      write(directory .. "/second", (RULES:gsub("VERSION", "second")))
      write(directory .. "/broken", "this is no Lua")
      local script = ("(sleep 1; cp DIR/broken RULES; sleep 1; cp DIR/second RULES) & "):gsub("%u+", {
         DIR = directory, RULES = rules })
      local text = output_of(script .. child.command { "build/embed/examples/engine/engine",
         "http://127.0.0.1:" .. simulated.line, "4", rules,
         "engineproject1", "secret1", "engineproject2", "secret2" })
      assert.matches("ended 0", text, 1, true)
      assert.matches("240 frames", text, 1, true)
      for _, id in ipairs { "engineproject1", "engineproject2" } do
         assert.equal(2, count(text, id .. ": rules loaded"), text)
         assert.equal(1, count(text, id .. ": rules not changed: "), text)
         assert.is_true(count(text, id .. ": first false") > 3, text)
         assert.is_true(count(text, id .. ": second false") > 3, text)
         assert.matches(id .. ": at most %d+ KiB, 0 bytes left", text)
      end
      assert.is_nil(text:match("second.*first"))
   end)

   it("holds what it needs, and loads nothing at run time", function()
      local symbols = output_of("nm build/embed/libtuya_embed.a")
      assert.matches("luaopen_tuya_core", symbols, 1, true)
      assert.is_nil(symbols:find("dlopen", 1, true))
      local text = output_of("cd / && " .. child.command { io.popen("pwd"):read("*l")
         .. "/build/embed/examples/engine/engine", "http://127.0.0.1:1", "0", "/nonexistent", "a", "b", "c", "d" })
      assert.matches("a: at most %d+ KiB, 0 bytes left\nc: at most", text)
   end)
end)
