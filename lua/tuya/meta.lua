---@meta tuya
-- meta.lua: types for editors (LuaCATS). Never loaded by a program.

--- Durations are seconds (fractions allowed); moments are Tuya's milliseconds.
---@class tuya
---@field _VERSION string
---@field json tuya.json
---@field store { new: tuya.store.new, try: fun(given?: string|tuya.store): tuya.store?, string? }
local tuya = {}

---@alias tuya.scalar string|integer|boolean
---@alias tuya.value tuya.scalar|tuya.scalar[]
---@alias tuya.pairs table<string, tuya.value>|{ [1]: string, [2]: tuya.value }[]

---@class tuya.request.spec
---@field method string GET POST PUT DELETE PATCH HEAD, in any case
---@field path string begins with "/"; a query in it is taken apart
---@field query? tuya.pairs signed decoded, sent percent-encoded
---@field headers? tuya.pairs signed and listed in Signature-Headers
---@field body? table|string a table goes as JSON, a string as it is
---@field content_type? string of the body, sent unsigned; "application/json"
---@field lang? "en"|"zh" language of the cloud's answers

---@class tuya.request
---@field method string
---@field path string
---@field query? { [1]: string, [2]: string }[]
---@field headers? { [1]: string, [2]: string }[]
---@field body? string the bytes that are hashed and sent
---@field content_type? string
---@field lang? string

---@class tuya.signer
---@field access_id string
---@field key tuya.key
---@field access_token? string nil for a token call
---@field t? integer|number|string ms since 1970, 13 digits; nil: the clock
---@field nonce? string|false nil: 32 hex digits; false: none
---@field algorithm? "v2"|"v1" "v1": projects made before 2021-06-30
---@field bundle_id? string app-authorization keys only

--- Builds a request. Raises at the caller's line when a field breaks a rule.
---@param spec tuya.request.spec
---@return tuya.request
function tuya.request(spec) end

--- Seals a request. Raises at the caller's line when a field breaks a rule.
---@param what tuya.request|tuya.request.spec
---@param signer tuya.signer
---@return tuya.sealed
function tuya.sign(what, signer) end

---@class tuya.captured
---@field method string
---@field target string path and query as on the wire
---@field headers table<string, string>|{ [1]: string, [2]: string }[] in any case
---@field body? string the bytes that were sent

---@class tuya.known
---@field secret string the access secret
---@field access_token? string the one last issued
---@field access_id? string the project's
---@field server_time? integer ms; nil: no rule of time applies
---@field bundle_id? string of an app-authorization key

---@class tuya.finding
---@field slug string
---@field what string
---@field fix? string of a mistake

---@class tuya.report
---@field verdict "ok"|"wrong"|"unexplained"
---@field mistakes tuya.finding[] what is proved
---@field signed? string what the sender evidently signed; nil where nothing explains the sign
---@field expected string what the cloud builds
---@field sign? string the one that was sent
---@field expected_sign string
---@field warnings tuya.finding[] what matters otherwise
---@field suspects tuya.finding[] what has reason and no proof
---@field text string all of it, for people; tostring(report) gives it too

--- Names the mistake that made the signature of a request wrong. Raises at the caller's line for wrong arguments.
---@param captured tuya.captured|string a string is a raw HTTP/1.1 request, a curl command line, or a log of these
---@param known tuya.known
---@return tuya.report|nil report nil: the text cannot be read as a request
---@return string? message
function tuya.diagnose(captured, known) end

--- Makes a key of an access secret of 1 to 128 bytes.
---@param secret string
---@return tuya.key
function tuya.key(secret) end

---@class tuya.open_message.options
---@field via "pulsar"|"mqtt"
---@field secret? string the access secret: Pulsar
---@field password? string of the configuration: MQTT
---@field key? tuya.key made of that secret or password
---@field em? string Pulsar's property: "aes_ecb", "aes_gcm"
---@field version? "1.0"|"2.0" the msg_encrypted_version asked for

--- Opens an envelope of the message service. Raises at the caller's line when an option breaks a rule.
---@param envelope string|table its JSON, or that decoded
---@param given tuya.open_message.options
---@return string? text
---@return string? message
---@return tuya.detail? detail kind "message"; code "envelope" "data" "tag" "padding" "scheme"
function tuya.open_message(envelope, given) end

--- Makes a client. Raises at the caller's line when an option is unknown or breaks a rule.
---@param given? tuya.client.options
---@return tuya.client
function tuya.client(given) end

--- An access secret that can sign and cannot be read back.
---@class tuya.key
local key = {}

--- HMAC-SHA256 of a text: 64 upper-case hex digits.
---@param text string
---@return string
function key:mac(text) end

--- What was signed? The first pair of a head and a tail, from pair `from` on, whose mac is the digest.
---@param digest string 32 bytes
---@param heads string[]
---@param tails string[]
---@param from? integer
---@return integer? head, integer? tail, integer? next
function key:search(digest, heads, tails, from) end

--- The moment between `before` and `after` whose mac is the digest, from t outwards to span on either side.
---@param digest string 32 bytes
---@param before string
---@param after string
---@param t integer ms
---@param span integer ms
---@return integer? t
function key:search_t(digest, before, after, t, span) end

--- Opens the data of an envelope.
---@param data string base64
---@param via "pulsar"|"mqtt"
---@param cipher? "ecb"|"gcm"|"any" "any": what verifies
---@param t? string of the envelope, in decimal; MQTT authenticates it
---@return string? text
---@return string? rule what does not verify
function key:open_message(data, via, cipher, t) end

--- Makes the data of an envelope, as the cloud does.
---@param text string
---@param via "pulsar"|"mqtt"
---@param cipher "ecb"|"gcm"
---@param t? string
---@param iv string 12 bytes; one serves one message of a key
---@return string data base64
function key:make_message(text, via, cipher, t, iv) end

--- Whether the secret is long enough for messages: 24 bytes.
---@return boolean
function key:opens_messages() end

--- The password of Pulsar: 16 hex digits.
---@param access_id string
---@return string
function key:pulsar_password(access_id) end

--- Wipes the key.
function key:close() end

--- A signed request: complete, immutable, the only thing that a transport sends.
---@class tuya.sealed
local sealed = {}

---@return string
function sealed:method() end

--- Path and query as sent.
---@return string
function sealed:target() end

--- "" for none.
---@return string
function sealed:body() end

--- Tuya's stringToSign; "" under the old algorithm.
---@return string
function sealed:canonical() end

--- A fresh table name = value.
---@return table<string, string>
function sealed:headers() end

--- What is another each time: sign, t, and the nonce where there is one.
---@return string, string, string?
function sealed:signature() end

--- The request as HTTP/1.1 has it, for transports: `lines` are the sender's own headers, each with its CR LF.
---@param lines string
---@return string
function sealed:wire(lines) end

---@class tuya.client.options
---@field access_id? string TUYA_ACCESS_ID
---@field access_secret? string TUYA_ACCESS_SECRET
---@field key? tuya.key instead of access_secret; stays the caller's to close
---@field region? "cn"|"us"|"us-e"|"eu"|"eu-w"|"in"|"sg" TUYA_REGION
---@field endpoint? string TUYA_ENDPOINT, instead of region: "https://host"
---@field api? "auto"|"v1.0"|"iot-03"|"v2.0" which generation of the device API; "auto": the first that answers
---@field algorithm? "v2"|"v1"
---@field bundle_id? string
---@field timeout? number of a whole call, s; 15
---@field connect_timeout? number s; 5
---@field retries? integer 3
---@field max_connections? integer 4
---@field max_queue? integer 1024
---@field max_reply? integer bytes; 8 MiB
---@field lang? "en"|"zh"
---@field ca_file? string PEM; only these certificates are trusted
---@field proxy? string as libcurl takes it; nil: from the environment. "resty": "http://[user:pass@]host:port"
---@field user_agent? string
---@field transport? tuya.transport|"curl"|"resty" "resty": nginx's cosockets; nil: "curl"
---@field store? string|tuya.store "file:PATH", "shm:NAME", "redis://HOST", or an object; nil: in memory
---@field json? { encode: fun(value: any): string, decode: fun(text: string): any }
---@field clock? fun(): integer ms since 1970
---@field nonce? (fun(): string)|false
---@field log? fun(event: tuya.event)
---@field budget? tuya.budget nil: calls are not counted
---@field login? tuya.login nil: the project's own token

--- Who logs in: an app account (the first four), a user of an industry project (the first two), or an owner who has
--- authorized the project (the last three).
---@class tuya.login
---@field username? string
---@field password? string nil: only what the store has
---@field country_code? integer|string 49 or "49": the country in which the account was made
---@field schema? string "tuyaSmart", "smartlife", or that of an app of one's own
---@field code? string of the redirect; it works once
---@field refresh_token? string from elsewhere; it works once
---@field account? string a name of one's own under which the store keeps an owner's token

---@class tuya.budget
---@field per_month? integer calls; a month begins at 0:00 UTC
---@field per_day? integer calls; a day begins at 0:00 UTC
---@field per_second? number bursts are spread to this rate
---@field reserve? integer the last calls of a day and month, kept for what is no GET or HEAD; 0

---@class tuya.usage.period
---@field used integer
---@field limit? integer
---@field left? integer
---@field resets integer ms since 1970

---@class tuya.usage
---@field day tuya.usage.period
---@field month tuya.usage.period
---@field limited integer how often the cloud refused a call for its rate this month
---@field per_second? number
---@field reserve integer

---@class tuya.events.options
---@field via "pulsar"|"mqtt"
---@field environment? "event"|"event-test" of Pulsar; "event"
---@field url? string of Pulsar: "wss://host:port"; nil: that of the client's data centre
---@field uid? string of MQTT: whose devices; nil: whose token
---@field version? "1.0"|"2.0" of MQTT: of the encryption; "2.0"
---@field ping? number s without a word before it asks; 30

---@class tuya.events.event
---@field kind "status"|"online"|"offline"|"renamed"|"bound"|"unbound"|"upgrade"|"scene"|"other"
---@field device? string
---@field product? string
---@field changes table<string, any> code = value, of a "status"
---@field name? string of a "renamed"
---@field time? integer ms since 1970
---@field id? string of the data, or of the message
---@field via "pulsar"|"mqtt"
---@field raw table what the message said
---@field untyped? true the product's specification could not be read: `changes` are as the cloud wrote them

---@class tuya.events.handler
---@field [1]? fun(event: tuya.events.event)
---@field fn? fun(event: tuya.events.event) instead of the first
---@field device? string
---@field code? string of a data point that changed
---@field kind? string

---@class tuya.events.status
---@field state "connecting"|"open"|"silent"|"waiting"|"closed"
---@field error? "dns"|"connect"|"tls"|"timeout"|"reset"|"http"|"protocol"|"closed"|"silent"|"refused"|"api"|"budget"
---@field code? integer|string HTTP status, the broker's or the cloud's, "expired" "host" "untrusted"; else the error
---@field message? string
---@field advice? string
---@field retry_in? number s
---@field connects integer
---@field received integer messages
---@field handled integer events
---@field duplicates integer
---@field late integer
---@field refused integer messages that did not verify
---@field failed integer events of which a handler raised
---@field odd integer frames that are no messages

--- What the cloud pushes. Moved on by `client:tick`.
---@class tuya.events
local events = {}

--- Calls a function with each event that fits.
---@param given tuya.events.handler
---@return fun() off ends it
function events:on(given) end

--- The next event; waits for it, in a task by suspending that. Ask until nil comes: meanwhile handlers get nothing but
--- what is asked for.
---@param timeout? number s; nil: until `close`
---@return tuya.events.event? event nil at the timeout, and once the stream is closed
function events:next(timeout) end

--- Loops over events as `next` gives them. Raises in a task on PUC Lua 5.1, where `next` works.
---@param timeout? number s; nil: until `close`
---@return fun(): tuya.events.event?
function events:each(timeout) end

---@return tuya.events.status
function events:status() end

--- Ends the stream.
function events:close() end

---@class tuya.home.options
---@field via? "pulsar"|"mqtt" "pulsar"
---@field uid? string
---@field version? "1.0"|"2.0"
---@field devices? (string|tuya.device)[] nil: all of the project
---@field environment? "event"|"event-test"
---@field url? string
---@field ping? number s

---@class tuya.home.change
---@field device string
---@field code? string nil: the device has left
---@field value? any
---@field before? any
---@field reread? true no event has told of it: a reading after a gap has found it

---@class tuya.home.status: tuya.events.status
---@field fresh boolean nothing can have been lost since the state was read
---@field gaps integer how often something can have been lost
---@field readings integer
---@field read_error? string

--- The home as it is, kept by events.
---@class tuya.home
local home = {}

--- The state of a device; to be read only.
---@param id string
---@return table<string, any>?
function home:device(id) end

---@return fun(): string, table<string, any>
function home:devices() end

--- What has changed since this was last asked, and how many changes were not kept.
---@return tuya.home.change[], integer
function home:changes() end

--- Moves everything on, and reads again after a gap.
---@param max_wait? number s
---@return true? ok, string? message, tuya.detail? detail
function home:tick(max_wait) end

--- Waits until a function of the home is true.
---@param holds fun(home: tuya.home): any
---@param timeout? number s
---@return any value nil at the timeout
function home:wait(holds, timeout) end

---@return tuya.home.status
function home:status() end

function home:close() end

---@alias tuya.event.name "call"|"reply"|"renew"|"moved"|"retry"|"skew"|"store"|"budget"|"error"|"fallback"
---|"absent"|"stream"|"refused"|"untyped"|"mirror"

---@class tuya.event
---@field event tuya.event.name
---@field device_id? string of a fallback to the thing model
---@field codes? string[] likewise
---@field device_ids? string[] of "absent": gone, or not the project's
---@field method? string
---@field path? string
---@field status? integer
---@field code? integer|string
---@field tid? string
---@field pause? number s until the next try
---@field how? "ask"|"refresh"|"login"|"code"
---@field endpoint? string where a log-in has moved to
---@field offset? number ms that the cloud's clock is ahead of ours
---@field state? string "lost", "found" of the store; "warning", "refused", "limited" of the budget; of a stream its
--- state; "gap", "read", "unread" of the mirror
---@field changes? integer of "read": how many it found
---@field product? string of "untyped"
---@field period? "day"|"month" of the budget
---@field used? integer
---@field limit? integer
---@field resets? integer ms since 1970
---@field message? string why it is lost; of an error: what a function given to `start` raised, with its traceback

---@class tuya.detail
---@field kind "network"|"http"|"api"|"budget"|"login"|"cancelled"|"error"|"message"|"unconfirmed"|"lookup" error: a
--- function of yours raised; unconfirmed: taken, and not seen in the status; lookup: no one device fits
---@field code integer|string Tuya's number, the HTTP status, "dns" "connect" "tls" "timeout" "reset" "too_large" ...,
--- "per_second" "per_day" "per_month", or of a login "password" "authorize" "platform_url"
---@field resets? integer ms since 1970, of a budget
---@field message string
---@field method? string
---@field path? string
---@field status? integer HTTP
---@field tid? string Tuya's trace id
---@field t? integer the cloud's clock, ms
---@field attempts? integer how often the call itself was tried
---@field sent "no"|"maybe"|"yes" did the call reach the cloud? Only the cloud's own envelope proves "yes"
---@field cause? "too_large"|"reset"|"protocol"|integer of "http": why the answer, of which the head came, is not whole;
--- of "login": Tuya's code
---@field retry_after? number s that the cloud asks to wait
---@field advice? string
---@field accepted? string[] codes that were taken before the rest was refused
---@field missing? { code: string, sent: any, seen: any }[] of "unconfirmed"
---@field candidates? tuya.device[] of "lookup"
---@field diagnosis? tuya.report with code 1004: what is left when the signature is right

---@class tuya.envelope
---@field t? integer the cloud's clock, ms
---@field tid? string
---@field status integer HTTP

---@class tuya.call.options
---@field query? tuya.pairs
---@field headers? tuya.pairs
---@field body? table|string
---@field content_type? string
---@field idempotent? boolean may be carried out twice without harm; true for GET and HEAD
---@field timeout? number
---@field connect_timeout? number
---@field retries? integer

---@class tuya.call.spec: tuya.call.options
---@field method string
---@field path string

---@class tuya.client
local client = {}

---@param spec tuya.call.spec
---@return any result, string? message, tuya.detail|tuya.envelope info
function client:request(spec) end

---@param path string
---@param query? tuya.pairs
---@param options? tuya.call.options
---@return any result, string? message, tuya.detail|tuya.envelope info
function client:get(path, query, options) end

---@param path string
---@param query? tuya.pairs
---@param options? tuya.call.options
---@return any result, string? message, tuya.detail|tuya.envelope info
function client:delete(path, query, options) end

---@param path string
---@param body? table|string
---@param options? tuya.call.options
---@return any result, string? message, tuya.detail|tuya.envelope info
function client:post(path, body, options) end

---@param path string
---@param body? table|string
---@param options? tuya.call.options
---@return any result, string? message, tuya.detail|tuya.envelope info
function client:put(path, body, options) end

---@param path string
---@param body? table|string
---@param options? tuya.call.options
---@return any result, string? message, tuya.detail|tuya.envelope info
function client:patch(path, body, options) end

---@param id string
---@return tuya.device
function client:device(id) end

--- Whose token the client has.
---@return string? uid, string? message, tuya.detail? info
function client:uid() end

--- The page where an owner authorizes the project, and from which they come back with a code.
---@param given { redirect_uri: string, state: string }
---@return string url
function client:authorization_url(given) end

--- What has been used of the budget, by all who share the store.
---@return tuya.usage
function client:usage() end

--- Starts a call, or a function that makes calls of this client, and does not wait for it. Raises at the caller's line
--- when an argument breaks a rule.
---@param what tuya.call.spec|fun(): any
---@param on_done fun(result: any, message?: string, info: tuya.detail|tuya.envelope) called once, in a tick
---@return tuya.handle? handle, string? message, tuya.detail? detail nil: `max_queue` calls wait already
function client:start(what, on_done) end

--- Moves the started calls on, and calls the functions of those that are done.
---@param max_wait? number s; 0 (the default): it never waits
---@param time_budget? number s; 0.00075: what is left over waits for the next tick
---@return integer in_flight, string[]? raised what the functions raised, with tracebacks
function client:tick(max_wait, time_budget) end

--- How long nobody needs to tick: s; nil: until a call is started.
---@return number?
function client:timeout() end

--- What a host's own loop waits for before it ticks.
---@return tuya.fd[]
function client:fds() end

--- The home as it is, kept by events. Raises at the caller's line when an option breaks a rule.
---@param given? tuya.home.options
---@return tuya.home? home, string? message, tuya.detail? detail
function client:home(given) end

--- Receives what the cloud pushes.
---@param given tuya.events.options
---@return tuya.events
function client:events(given) end

--- Closes the connections, and wipes the key where the client made it. Calls in flight end as cancelled.
function client:close() end

---@class tuya.fd
---@field fd integer
---@field read boolean
---@field write boolean

--- A call that was started.
---@class tuya.handle
local handle = {}

--- Ends the call before its time; its function is called in the next tick. False when it was over already.
---@return boolean
function handle:cancel() end

--- Runs tasks, in which a client's call suspends the task and not the program.
---@class tuya.scheduler
local scheduler = {}

--- Makes a scheduler: `require("tuya.scheduler").new`. It goes by the client's clock and transport.
---@alias tuya.scheduler.new fun(client: tuya.client): tuya.scheduler

--- Begins a task, which the next tick runs.
---@param fn function
---@param ... any for the function
---@return tuya.task
function scheduler:spawn(fn, ...) end

--- Waits: suspends the task; outside of one, runs the tasks for so long.
---@param seconds number
function scheduler:sleep(seconds) end

--- Begins a task that calls a function again and again, first after `seconds`.
---@param seconds number
---@param fn function
---@return tuya.task
function scheduler:every(seconds, fn) end

--- Runs functions side by side until all are over; what each returned, in their order.
---@param functions function[]
---@return table[]
function scheduler:gather(functions) end

--- Moves everything on: tasks, and the calls of their clients.
---@param max_wait? number s; 0 (the default): it never waits
---@param time_budget? number s; 0.00075: what is left over waits for the next tick
---@return integer tasks, string[]? raised of the tasks that failed, with tracebacks
function scheduler:tick(max_wait, time_budget) end

--- Runs until no task is left, or for some seconds.
---@param seconds? number
---@return true? ok, string? message, string[]? messages of the tasks that failed, with tracebacks
function scheduler:run(seconds) end

--- How long nobody needs to tick: s; nil: until a task is spawned or a call started.
---@return number?
function scheduler:timeout() end

--- What a host's own loop waits for before it ticks.
---@return tuya.fd[]
function scheduler:fds() end

---@class tuya.task
local task = {}

--- Ends the task before its time. False when it was over already.
---@return boolean
function task:cancel() end

--- What has become of it, then what its function returned, or the message with its traceback.
---@return "running"|"done"|"failed"|"cancelled" status, any ...
function task:status() end

---@class tuya.devices.options
---@field ids? (string|tuya.device)[] these only
---@field category? string
---@field product_id? string
---@field home? string|integer of this home
---@field room? string|integer of this room of the home
---@field uid? string of this user
---@field asset? string of this asset
---@field schema? string of this app
---@field api? "v1.0"|"iot-03"|"v2.0" by which list
---@field page_size? integer

--- The devices of the project, page by page as they are read.
---@param options? tuya.devices.options
---@return tuya.pager<tuya.device>
function client:devices(options) end

--- Finds one device: by name, product, category, part of a name or room.
---@param what string|{ name?: string, category?: string, product?: string, room?: string }
---@return tuya.device? device, string? message, tuya.detail? detail
function client:find(what) end

--- The state of many devices, in as few calls as the API allows.
---@param which? (string|tuya.device)[] nil: all of the project
---@param options? { raw?: boolean }
---@return table<string, table<string, any>>? statuses, string? message, tuya.detail? detail
function client:statuses(which, options) end

--- The homes of a user.
---@param uid? string nil: of the user whose device the project lists first
---@return tuya.space[]? homes, string? message, tuya.detail? detail
function client:homes(uid) end

--- Makes a home.
---@param name string
---@param options? { uid?: string, geo_name?: string, lat?: number, lon?: number, rooms?: string[] }
---@return tuya.space? home, string? message, tuya.detail? detail
function client:create_home(name, options) end

--- A home by its id. Nothing is sent.
---@param id string|integer
---@return tuya.space
function client:space(id) end

--- The users of an app.
---@param schema string
---@return tuya.pager<table>
function client:users(schema) end

---@class tuya.user.given
---@field username string
---@field password string sent as its MD5
---@field country_code string|integer
---@field nick_name? string
---@field time_zone_id? string
---@field username_type? 1|2|3 a telephone number, an address, another; what it looks like

--- Makes a user of an app of one's own; for one that is there it sets password and names anew.
---@param schema string
---@param user tuya.user.given
---@return string? uid, string? message, tuya.detail? detail
function client:create_user(schema, user) end

--- What a user is.
---@param uid string
---@return table? user, string? message, tuya.detail? detail
function client:user(uid) end

--- An infrared hub, which can learn. Nothing is sent.
---@param hub string|tuya.device
---@return tuya.infrared
function client:infrared(hub) end

--- The remotes behind an infrared hub.
---@param hub string|tuya.device
---@return tuya.remote[]? remotes, string? message, tuya.detail? detail
function client:remotes(hub) end

--- The weather of a place.
---@param place { city?: string, lat?: number, lon?: number, forecast?: boolean }
---@return table? weather, string? message, tuya.detail? detail
function client:weather(place) end

--- The cities of a country, for `weather`.
---@param country string two letters
---@return table[]? cities, string? message, tuya.detail? detail
function client:cities(country) end

--- A home of a user, a space in Tuya's newer word.
---@class tuya.space
---@field id string
---@field name? string
---@field geo_name? string
---@field lat? number
---@field lon? number
---@field role? string
local space = {}

---@return tuya.pager<tuya.device>
function space:devices() end

--- What the home is.
---@return table? info, string? message, tuya.detail? detail
function space:info() end

---@param changes { name?: string, geo_name?: string, lat?: number, lon?: number }
---@return true? ok, string? message, tuya.detail? detail
function space:edit(changes) end

---@return true? ok, string? message, tuya.detail? detail
function space:delete() end

---@return tuya.member[]? members, string? message, tuya.detail? detail
function space:members() end

---@param member { schema: string, account: string, country_code: string|integer, name: string, admin?: boolean }
---@return true? ok, string? message, tuya.detail? detail
function space:add_member(member) end

---@return tuya.room[]? rooms, string? message, tuya.detail? detail
function space:rooms() end

---@param name string
---@return tuya.room? room, string? message, tuya.detail? detail
function space:add_room(name) end

---@return tuya.scene[]? scenes, string? message, tuya.detail? detail
function space:scenes() end

---@return tuya.automation[]? automations, string? message, tuya.detail? detail
function space:automations() end

--- Runs the scene of a name.
---@param name string
---@return true? ok, string? message, tuya.detail? detail
function space:run(name) end

--- Makes a scene; the values are checked as `send` checks them.
---@param name string
---@param actions tuya.action[]
---@return tuya.scene? scene, string? message, tuya.detail? detail
function space:create_scene(name, actions) end

--- Makes an automation: what devices do when conditions hold.
---@param given tuya.automation.given
---@return tuya.automation? automation, string? message, tuya.detail? detail
function space:create_automation(given) end

---@class tuya.action
---@field device string|tuya.device
---@field values table<string, any> as `send` takes them

---@class tuya.condition of a device, or of the time
---@field device? string|tuya.device
---@field code? string
---@field is? "=="|"<"|">"|"<="|">=" "=="
---@field value? any as `status` gives it
---@field time? string "07:30"
---@field loops? string seven digits 0 or 1, Sunday first; every day
---@field date? string as Tuya's page of it describes
---@field zone? string name of the time zone

---@class tuya.automation.given
---@field name string
---@field actions (tuya.action|table)[] a table with `entity_id` goes as it is
---@field conditions? (tuya.condition|table)[]
---@field match? "any"|"all" of the conditions; "any"
---@field background? string as Tuya's page of v1.0 describes it; so the next three
---@field match_type? integer
---@field preconditions? table[]
---@field condition_rule? string
---@field decision_expr? string as Tuya's page of v2.0 describes it; so the next
---@field effective_time? { start: string, end: string, loops: string, time_zone_id: string }

---@class tuya.member
---@field id string the uid
---@field name string
---@field account string
---@field country_code string
---@field admin boolean
---@field owner boolean
local member = {}

---@param admin boolean
---@return true? ok, string? message, tuya.detail? detail
function member:set_admin(admin) end

---@return true? ok, string? message, tuya.detail? detail
function member:remove() end

---@class tuya.room
---@field id string
---@field name string
local room = {}

---@return tuya.pager<tuya.device>
function room:devices() end

--- Puts devices into the room.
---@param devices tuya.device|string|(tuya.device|string)[]
---@return true? ok, string? message, tuya.detail? detail
function room:add(devices) end

--- Takes devices out of the room.
---@param devices tuya.device|string|(tuya.device|string)[]
---@return true? ok, string? message, tuya.detail? detail
function room:remove(devices) end

---@param name string
---@return true? ok, string? message, tuya.detail? detail
function room:rename(name) end

---@return true? ok, string? message, tuya.detail? detail
function room:delete() end

---@class tuya.scene
---@field id string
---@field name string
---@field generation "v1.0"|"v2.0" by which it came
---@field actions? table[] as that writes them; v2.0 lists none
local scene = {}

---@return true? ok, string? message, tuya.detail? detail
function scene:run() end

---@param changes { name?: string, actions?: tuya.action[] }
---@return true? ok, string? message, tuya.detail? detail
function scene:edit(changes) end

---@return true? ok, string? message, tuya.detail? detail
function scene:delete() end

---@class tuya.automation
---@field id string
---@field name string
---@field enabled? boolean
---@field generation "v1.0"|"v2.0" by which it came
---@field actions? table[] as that writes them; v2.0 lists none
---@field conditions? table[] likewise
---@field match_type? integer 1: any, 2: all; of v1.0
local automation = {}

---@param changes tuya.automation.given all of it optional
---@return true? ok, string? message, tuya.detail? detail
function automation:edit(changes) end

--- A condition from outside, on which the automation waits, has come.
---@param conditions? table
---@return true? ok, string? message, tuya.detail? detail
function automation:trigger(conditions) end

---@return true? ok, string? message, tuya.detail? detail
function automation:enable() end

---@return true? ok, string? message, tuya.detail? detail
function automation:disable() end

---@return true? ok, string? message, tuya.detail? detail
function automation:delete() end

---@class tuya.remote
---@field id string
---@field name? string
local remote = {}

---@return table[]? keys, string? message, tuya.detail? detail
function remote:keys() end

---@param key string
---@return true? ok, string? message, tuya.detail? detail
function remote:press(key) end

--- Tells an air conditioner what to do.
---@param values { power?: boolean|integer, mode?: integer, temp?: integer, wind?: integer }
---@return true? ok, string? message, tuya.detail? detail
function remote:set(values) end

--- What an air conditioner was last told.
---@return table? status, string? message, tuya.detail? detail
function remote:status() end

---@param name string
---@return true? ok, string? message, tuya.detail? detail
function remote:rename(name) end

---@return true? ok, string? message, tuya.detail? detail
function remote:delete() end

--- The codes that were learnt for it.
---@return table[]? codes, string? message, tuya.detail? detail
function remote:codes() end

--- Saves learnt codes.
---@param codes table<string, string> key = code
---@return true? ok, string? message, tuya.detail? detail
function remote:save(codes) end

--- Sends a code without saving it.
---@param code string
---@return true? ok, string? message, tuya.detail? detail
function remote:send(code) end

--- Deletes a learnt code.
---@param id string|integer
---@return true? ok, string? message, tuya.detail? detail
function remote:forget(id) end

--- An infrared hub.
---@class tuya.infrared
local infrared = {}

---@return tuya.remote[]? remotes, string? message, tuya.detail? detail
function infrared:remotes() end

--- Learns the code of a key that somebody presses in front of the hub.
---@param options? { timeout?: number } s; 20
---@return string? code, string? message, tuya.detail? detail
function infrared:learn(options) end

--- Makes a remote of learnt codes.
---@param name string
---@param codes table<string, string> key = code
---@param options? { category_id?: integer, brand_name?: string }
---@return tuya.remote? remote, string? message, tuya.detail? detail
function infrared:create(name, codes, options) end

---@return table[]? categories, string? message, tuya.detail? detail
function infrared:categories() end

---@param category string|integer
---@return table[]? brands, string? message, tuya.detail? detail
function infrared:brands(category) end

---@param category string|integer
---@param brand string|integer
---@return table[]? indexes, string? message, tuya.detail? detail
function infrared:indexes(category, brand) end

---@class tuya.infrared.library what names a remote of Tuya's library
---@field category_id string|integer of `categories`
---@field brand_id string|integer of `brands`
---@field remote_index string|integer of `indexes`
---@field brand_name? string

--- Adds a remote of Tuya's library.
---@param name string
---@param given tuya.infrared.library
---@return tuya.remote? remote, string? message, tuya.detail? detail
function infrared:add(name, given) end

--- A list that comes in pages: `for item in pager do`, which raises failures, or `pager:next()`.
---@class tuya.pager<T>
---@field absent? string[] of `client:devices { ids = }`: those gone or not the project's, as far as it has read
---@operator call: T
local pager = {}

--- The next item; nil at the end; nil, message, detail for a failure.
---@return any item, string? message, tuya.detail? detail
function pager:next() end

--- All items that are left.
---@return any[]? list, string? message, tuya.detail? detail
function pager:all() end

---@class tuya.device
---@field id string
---@field name? string
---@field category? string
---@field product_id? string
---@field product_name? string
---@field online? boolean
---@field uid? string of the user
---@field home_id? string of the home
local device = {}

---@class tuya.send.options
---@field check? boolean false: the values go as they are
---@field confirm? number s to wait until the status shows the values
---@field timeout? number
---@field connect_timeout? number
---@field retries? integer
---@field idempotent? boolean

--- Sends commands. Raises where a value is not one that its data point may have.
---@param values table<string, any>|{ code: string, value: any }[]
---@param options? tuya.send.options
---@return true? ok, string? message, tuya.detail|tuya.envelope info
function device:send(values, options) end

--- Sends one command.
---@param code string
---@param value any
---@param options? tuya.send.options
---@return true? ok, string? message, tuya.detail|tuya.envelope info
function device:set(code, value, options) end

--- Turns a switch over.
---@param code? string nil: the first Boolean that can be written
---@param options? tuya.send.options
---@return true? ok, string? message, tuya.detail|tuya.envelope info
function device:toggle(code, options) end

--- The state of all data points.
---@param options? { raw?: boolean }
---@return table<string, any>? values, string? message, tuya.detail|tuya.envelope info
function device:status(options) end

--- What the device is, named as v1.0 names it.
---@return table? info, string? message, tuya.detail|tuya.envelope info
function device:info() end

---@class tuya.point
---@field code string
---@field type? "Boolean"|"Integer"|"Enum"|"String"|"Json"|"Raw"|"Bitmap" nil: passes unchecked
---@field writable boolean
---@field id? integer of the data point
---@field name? string
---@field min? number as sent
---@field max? number as sent
---@field step? number as sent
---@field scale? integer
---@field unit? string
---@field range? string[]
---@field maxlen? number bytes
---@field label? string[]

---@class tuya.specification: { [integer]: tuya.point }
---@field by_code table<string, tuya.point>
---@field category? string

--- What its data points may be; false where the cloud has no usable specification.
---@return tuya.specification|false? specification, string? message, tuya.detail? detail
function device:specification() end

--- The data points that it can be told.
---@return tuya.point[]? functions, string? message, tuya.detail? detail
function device:functions() end

--- Data points from the thing model.
---@param options? { codes?: string[], raw?: boolean }
---@return table<string, any>? values, string? message, tuya.detail|tuya.envelope info
function device:properties(options) end

--- Sets data points through the thing model.
---@param values table<string, any>
---@param options? tuya.send.options
---@return true? ok, string? message, tuya.detail|tuya.envelope info
function device:set_properties(values, options) end

--- What the device reported, newest first.
---@param options? { codes?: string[], from?: number, to?: number, types?: integer[], size?: integer, raw?: boolean }
---@return tuya.pager<{ code: string, value: any, time: integer, type: any }>
function device:logs(options) end

--- What the cloud adds up; without options what is counted at all.
---@param options? { code: string, per?: string, from?: string, to?: string, sum?: string }
---@return table? statistics, string? message, tuya.detail? detail
function device:statistics(options) end

--- The devices behind a gateway.
---@return tuya.device[]? devices, string? message, tuya.detail? detail
function device:sub_devices() end

---@param name string
---@return true? ok, string? message, tuya.detail? detail
function device:rename(name) end

--- Forgets what the client has learnt of the device's product. Nothing is sent.
---@return true
function device:reset_local() end

---@class tuya.reply
---@field status integer
---@field headers table<string, string> names in lower case
---@field body string

---@class tuya.transport
local transport = {}

--- Sends a sealed request and waits for the reply.
---@param sealed tuya.sealed
---@param limits? { timeout?: number, connect_timeout?: number, endpoint?: string }
---@return tuya.reply? reply, string? message, tuya.detail? detail
function transport:send(sealed, limits) end

--- Seconds of a clock that is never set.
---@return number
function transport:now() end

--- Waits.
---@param seconds number
function transport:sleep(seconds) end

--- A lane of one's own: what is started in it is taken from it. This and what follows is for `client:start`; a
--- transport without it can only block.
---@return integer lane
function transport:join() end

--- Begins to send, and does not wait.
---@param sealed tuya.sealed
---@param limits? { timeout?: number, connect_timeout?: number, endpoint?: string }
---@param lane integer
---@return number? id, string? message, tuya.detail? detail
function transport:start(sealed, limits, lane) end

--- Takes the first reply of a lane, or that of one transfer, when it is there.
---@param lane integer
---@param id? number
---@return number? id, tuya.reply? reply, string? message, tuya.detail? detail
function transport:take(lane, id) end

--- Forgets a transfer; how far it got.
---@param id number
---@return "no"|"maybe"|"yes"|nil
function transport:cancel(id) end

--- Moves on what can move without waiting.
---@param budget? number s
function transport:tick(budget) end

--- Waits until there is something to take or a tick to do.
---@param seconds number at most
function transport:wait(seconds) end

--- How long nobody needs to take or tick: s; nil: until something is started.
---@return number?
function transport:timeout() end

--- What a host's own loop waits for in our stead.
---@return tuya.fd[]
function transport:fds() end

--- Closes all connections.
function transport:close() end

---@class tuya.transport.curl.options
---@field endpoint string "https://host" or "https://host:port"
---@field ca_file? string PEM; only these certificates are trusted
---@field proxy? string as libcurl takes it
---@field user_agent? string
---@field timeout? number s; 15
---@field connect_timeout? number s; 5
---@field max_connections? integer 4
---@field max_queue? integer 1024
---@field max_reply? integer bytes; 8 MiB

--- Makes a transport over libcurl: `require("tuya.transport.curl").new`.
---@alias tuya.transport.curl.new fun(given: tuya.transport.curl.options): tuya.transport

--- Makes a transport without a network: `require("tuya.transport.fake").new`.
--- `connect` opens WebSockets, so that events run on its clock: `function(request) return sim:connect(request) end`.
---@alias tuya.transport.fake.answer fun(request: table): table?
---@alias tuya.transport.fake.new fun(handle: tuya.transport.fake.answer, start?: integer, ...): tuya.transport

---@class tuya.store
local store = {}

--- Makes a store: `require("tuya.store").new`. A string names one: "file:PATH", "shm:NAME", "redis://HOST". Raises
--- where it cannot be had.
---@alias tuya.store.new fun(given?: string|tuya.store): tuya.store

--- The text of a key; nil, "busy" or nil, message where the store cannot tell.
---@param key string
---@return string? text, string? trouble
function store:load(key) end

--- Puts `new` where `old` is; false when something else is there; nil, "busy" or nil, message when nothing was done.
---@param key string
---@param old string?
---@param new string?
---@return boolean? swapped, string? trouble
function store:swap(key, old, new) end

--- The gateway of nginx: `require("tuya.openresty").new`. Raises where an option breaks a rule.
---@alias tuya.openresty.new fun(given: tuya.openresty.options): tuya.openresty

---@class tuya.openresty.options: tuya.client.options
---@field prefix? string of the location; "/tuya"
---@field allow? string[] "METHOD /path"; "*": any method, or one segment; "**": the rest. nil: all but token calls
---@field callers? table<string, string> name = API key of 16 bytes or more, sent as X-Api-Key. nil: everybody
---@field counts? string the lua_shared_dict for /status; nil: that of store = "shm:NAME"

---@class tuya.openresty
local gateway = {}

--- Signs for proxy_pass; in access_by_lua_block.
---@param prefix? string of the location; the gateway's
function gateway:sign(prefix) end

--- Looks at the answer as it goes by, and mends a refused token or clock; in body_filter_by_lua_block.
function gateway:watch() end

--- Sends by the client's own op, and relays the answer; in content_by_lua_block.
---@param prefix? string of the location; the gateway's
function gateway:serve(prefix) end

--- The client behind the gateway; its calls yield to nginx.
---@return tuya.client
function gateway:client() end

--- Answers with counts, as JSON or Prometheus' text; in content_by_lua_block.
function gateway:status() end

---@class tuya.json
---@field null table JSON null, for bodies
local json = {}

--- Marks a table as a list, so that it is written `[]` even when empty.
---@param list? table
---@return table
function json.array(list) end

---@param value any
---@return string? text, string? rule
function json.encode(value) end

---@param text string
---@return any value, string? message
function json.decode(text) end

--- The value of a text as the library decodes it: numbers and nulls are its own.
---@param text string
---@return any value nil: not JSON
function json.parse(text) end

--- The simulated cloud, of `require("tuya.simulator")`; docs/simulator.md says what each option does.
---@class tuya.simulator.options
---@field access_id? string needed without `projects`
---@field access_secret? string likewise
---@field home? table|string a home, or the path of a JSON file; nil: a small one
---@field algorithm? "v2"|"v1"
---@field bundle_id? string
---@field accept_token? string
---@field callback_url? string where owners are sent back to who authorize the project
---@field platform_url? string what log-ins are answered beside the token
---@field projects? table|string several, or the path of a JSON file
---@field data_centre? string as a client's region; nil: all in one
---@field clock? fun(): number ms
---@field skew? number ms that the clock is ahead; 0
---@field check_clock? boolean true
---@field token_ttl? number seconds; 7200
---@field one_token? boolean false
---@field console? fun(line: string)
---@field log? fun(entry: tuya.simulator.entry)
---@field seed? number
---@field on_change? fun(device: table, code: string, value: any)
---@field faults? string[] rules, as of `fault`
---@field state? string what `state` gave
---@field mqtt? tuya.simulator.broker where messages go over MQTT

---@class tuya.simulator.broker
---@field url? string "ssl://host:port" or "tcp://host:port"
---@field username? string
---@field password? string 24 bytes or more: it also encrypts
---@field ca_file? string
---@field life? number s that a configuration lives; 7200
---@field renames? boolean a client id and a topic for each configuration, instead of for each link

---@class tuya.simulator.entry
---@field method string
---@field path string without the query
---@field code? integer 0, or the refusal's; nil where a fault left no envelope
---@field t integer ms
---@field done boolean was the call carried out?
---@field fault? string
---@field nonce? string
---@field sign? string its first eight digits
---@field bytes integer of the body
---@field project? string its access id
---@field mistakes? string[] slugs

---@class tuya.simulator
local simulator = {}

--- Answers one request; nil, a kind of failure and how far it got where a fault leaves no answer.
---@param request { method: string, target: string, headers?: table, body?: string }
---@return { status: integer, headers: table<string, string>, body: string, delay?: number }?
---@return "reset"|"timeout"|nil
---@return "maybe"|"yes"|nil
function simulator:handle(request) end

--- Opens a WebSocket without a socket; nil and the status that it is refused with, or how a fault ends it.
---@param request { method: string, target: string, headers?: table }
---@return { take: fun(): string?, hear: fun(text: string), is_over: fun(): boolean, close: fun() }?
---@return integer|string?
function simulator:connect(request) end

--- A copy of a device. Raises where there is none such.
---@param id string
---@return { id: string, name: string, category: string, product_id: string, online: boolean, values: table }
function simulator:device(id) end

--- Sets a data point as if the device had reported it. Raises where it cannot have that value.
---@param id string
---@param code string
---@param value any
function simulator:set(id, code, value) end

--- Lets a device go offline or come back.
---@param id string
---@param online boolean
function simulator:set_online(id, online) end

--- Puts a device into the first home.
---@param given table as in a home file
---@return true? ok
---@return string? message what is wrong with it
function simulator:add(given) end

---@class tuya.simulator.messages
---@field rule? boolean
---@field family? "old"|"new"|"both"
---@field em? "aes_ecb"|"aes_gcm"
---@field duplicates? number shares of the messages, 0 to 1
---@field late? number
---@field drops? number
---@field cuts? number

--- How changes are pushed from now on. Raises where an option is unknown.
---@param given tuya.simulator.messages
function simulator:messages(given) end

--- Names the broker that messages go to over MQTT, or changes what is told of it. Raises where it is wrong.
---@param given tuya.simulator.broker
function simulator:broker(given) end

--- A project's current access token dies now.
---@param access_id? string nil: that of the first project
function simulator:expire_token(access_id) end

--- A user authorizes a project: a code that works once, within 300 s.
---@param uid? string nil: the first
---@param access_id? string nil: the first project
---@return string code
function simulator:authorize(uid, access_id) end

--- The tokens with which a user is logged in die now.
---@param uid string
---@param refresh_too? boolean their refresh tokens die too
function simulator:expire_login(uid, refresh_too) end

--- The last 1,000 requests.
---@return tuya.simulator.entry[]
function simulator:log() end

--- What this cloud knows, for the option `state`. It holds tokens, and no secret.
---@return string
function simulator:state() end

--- From now on this fault strikes. Raises for a rule that is none.
---@param rule string "METHOD PATH: [late] FAULT [SECONDSs] [COUNT]"
---@return fun() ends it
function simulator:fault(rule) end

--- Listens on 127.0.0.1. Raises without the module tuya.httpd.
---@param port integer 0: any that is free
---@param how? { tls?: boolean, cert?: string, key?: string }
---@return { port: integer, url: string, ca?: string, tick: fun(self, seconds?: number), close: fun(self) }?
---@return string? message
function simulator:listen(port, how) end

return tuya
