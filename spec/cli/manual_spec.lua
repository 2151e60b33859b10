-- Completions and the manual page come from the parser: what shells make of them.
local support = require("spec.cli.support")

local run = support.run

local COMMANDS = "get post put patch delete devices status send watch sign diagnose simulate login token regions "
   .. "doctor completion manual"

describe("what tuya says of itself", function()
   setup(support.open)
   teardown(support.close)

   it("completes in bash: commands, options, and their choices", function()
      local code, out, err = run([[
         tuya completion bash > $HOME/tuya.bash
         bash -c '
            . $HOME/tuya.bash
            try() { COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); COMPREPLY=(); _tuya; echo "${COMPREPLY[@]}"; }
            try tuya reg; try tuya get --reg; try tuya get --region us; try tuya completion ""']], {})
      assert.equal("", err)
      assert.equal(0, code)
      local lines = {}
      for line in out:gmatch("[^\n]*") do lines[#lines + 1] = line ~= "" and line or nil end
      assert.equal("regions", lines[1])
      assert.equal("--region", lines[2])
      assert.equal("us us-e", lines[3])
   end)

   for _, shell in ipairs { "zsh", "fish" } do
      if os.execute("command -v " .. shell .. " >/dev/null") then
         it("is read by " .. shell, function()
            local code, _, err = run(("tuya completion %s > $HOME/c && %s -n $HOME/c"):format(shell, shell), {})
            assert.equal("0 ", code .. " " .. err)
         end)
      else
         pending("is read by " .. shell .. ": it is not there")
      end
   end

   it("has every command in the manual page and in help", function()
      local _, page = run("tuya manual", {})
      local _, help = run("tuya --help", {})
      for name in COMMANDS:gmatch("%S+") do
         assert.is_truthy(page:find("\n.SS tuya " .. name .. "\n", 1, true), name)
         assert.is_truthy(help:find("\n   " .. name .. " ", 1, true), name)
      end
      assert.is_truthy(page:find("\n.TP\n.B \\-\\-secret\\-file <file>\nA file with the access secret.\n", 1, true))
      local count = select(2, page:gsub("\n%.SS tuya ", ""))
      assert.equal(select(2, COMMANDS:gsub("%S+", "")), count)
   end)

   it("escapes what roff would take for a request", function()
      local _, page = run("tuya manual", {})
      for line in page:gmatch("[^\n]+") do
         if line:find("^[.']") then assert.matches("^%.%u%u? ?", line) end
      end
   end)

   it("refuses a shell that it does not know", function()
      local code, out, err = run("tuya completion csh", {})
      assert.equal("2 ", code .. " " .. out)
      assert.matches("^tuya: [^\n]*bash[^\n]*\n$", err)
   end)
end)
