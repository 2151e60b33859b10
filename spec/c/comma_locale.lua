-- comma_locale.lua: a helper for busted (--helper=spec/c/comma_locale.lua): the specs run with a decimal comma.
-- The danger: a locale that is not there is not set, and then nothing is shown; so that ends the run.
local name = assert(os.getenv("TUYA_LOCALE"), "TUYA_LOCALE is not set")
-- all categories but that of messages, which Lua has no name for: what errno means is written in English in the specs
local set = true
for _, category in ipairs({ "collate", "ctype", "monetary", "numeric", "time" }) do
   set = os.setlocale(name, category) and set
end
if not set or ("%.1f"):format(1.5) ~= "1,5" then
   io.write("the locale ", name, " cannot be set, or has no decimal comma\n")
   os.exit(9, true)
end
