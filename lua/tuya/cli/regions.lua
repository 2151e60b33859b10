--- cli/regions.lua: `tuya regions`, Tuya's data centres.
-- The danger: none; it asks nobody.
-- @module tuya.cli.regions

local account = require("tuya.cli.account")
local ending = require("tuya.cli.ending")
local raw = require("tuya.cli.raw")
local screen = require("tuya.cli.screen")

local regions = { name = "regions", summary = "List Tuya's data centres." }

function regions.describe(command)
   command:flag("--json", "Write JSON, and nothing else, on stdout.")
end

function regions.run(options)
   local endpoints = require("tuya.regions").endpoints
   local rows = {}
   for i, name in ipairs(account.regions()) do rows[i] = { name, endpoints[name] } end
   if options.json then screen.json(raw.encode(endpoints)) else screen.rows({ "REGION", "ENDPOINT" }, rows) end
   return ending.DONE
end

return regions
