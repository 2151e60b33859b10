--- date.lua: days of the calendar and moments, without the machine's time zone.
-- The idea: only what is needed: a header's date as a moment, and a moment's day. All in UTC.
-- @module tuya.date

local date = {}

local MONTHS = {}
for i, name in ipairs { "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec" } do
   MONTHS[name] = i
end

-- Days before a year, counted from March of the year 0, so that a leap day is a year's last.
local function days_before(year)
   return 365 * year + math.floor(year / 4) - math.floor(year / 100) + math.floor(year / 400)
end

local EPOCH = days_before(1969) + 306 -- 1970-01-01

--- Seconds from 1970 to the beginning of a day.
-- @tparam integer year
-- @tparam integer month 13 is the next year's first
-- @tparam integer day
-- @treturn integer
function date.seconds(year, month, day)
   if month > 12 then year, month = year + 1, month - 12 end
   if month < 3 then year, month = year - 1, month + 12 end
   local before = math.floor((153 * (month - 3) + 2) / 5) -- days from March to the month
   return (days_before(year) + before + day - 1 - EPOCH) * 86400
end

--- The day in which a moment lies.
-- @tparam number ms since 1970
-- @treturn integer year
-- @treturn integer month
-- @treturn integer day
function date.of(ms)
   local days = math.floor(ms / 86400000) + EPOCH
   local year = math.floor(days / 365.2425)
   if days_before(year + 1) <= days then year = year + 1 elseif days_before(year) > days then year = year - 1 end
   local rest = days - days_before(year)
   local month = math.floor((5 * rest + 2) / 153)
   local day = rest - math.floor((153 * month + 2) / 5) + 1
   if month < 10 then return year, month + 3, day end
   return year + 1, month - 9, day
end

--- The moment of a header: "Thu, 26 Nov 2026 08:33:50 GMT".
-- @tparam string text
-- @treturn ?integer seconds since 1970; nil when it is not such a date
function date.parse(text)
   local day, name, year, hours, minutes, seconds =
      text:match("^%a+, (%d%d) (%a%a%a) (%d%d%d%d) (%d%d):(%d%d):(%d%d) GMT$")
   if not MONTHS[name] then return nil end
   return date.seconds(tonumber(year), MONTHS[name], tonumber(day)) + hours * 3600 + minutes * 60 + seconds
end

return date
