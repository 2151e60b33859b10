-- What people paste is read as it was sent: raw requests and curl commands, with their line ends and quotes.
local capture = require("tuya.diagnose.capture")

local function header(request, name)
   for _, one in ipairs(request.headers) do
      if one[1] == name then return one[2] end
   end
end

local function parse(text)
   return assert(capture.parse(text))
end

describe("a raw request", function()
   it("has its method, target, headers and body", function()
      local request = parse("POST /v1.0/x?b=2&a HTTP/1.1\r\nHost: h.example\r\nT:1\r\nsign :x\r\n\r\n{\"a\":1}\r\n")
      assert.equal("POST", request.method)
      assert.equal("/v1.0/x?b=2&a", request.target)
      assert.equal("h.example", request.host)
      assert.equal("1", header(request, "T"))
      assert.equal('{"a":1}\r\n', request.body)
   end)

   it("may have bare newlines, blank lines in front, no headers, no version", function()
      assert.equal("1", header(parse("\n\nGET /x HTTP/1.1\nt: 1\n\n"), "t"))
      assert.equal("/x", parse("GET /x").target)
      assert.equal("", parse("GET /x\n").body)
   end)

   it("loses what follows its Content-Length, which an editor has put there", function()
      assert.equal("{}", parse("POST /x HTTP/1.1\nContent-Length: 2\n\n{}\n").body)
   end)

   it("may be shorter than its Content-Length says", function()
      assert.equal("{}", parse("POST /x HTTP/1.1\nContent-Length: 7\n\n{}").body)
   end)

   it("may be chunked, with extensions and trailers", function()
      local head = "POST /x HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n"
      assert.equal('{"a":1}', parse(head .. '4;x=y\r\n{"a"\r\n3\r\n:1}\r\n0\r\nT: 1\r\n\r\n').body)
   end)

   it("is refused when its chunks are broken, however long they say to be", function()
      local head = "POST /x HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n"
      for _, body in ipairs { "zz\r\n", "ffffffffffffffff\r\nab", "fffffffff\r\nab", "4\r\nab" } do
         local request, message = capture.parse(head .. body)
         assert.is_nil(request)
         assert.equal("the chunked body is broken", message)
      end
   end)

   it("may have folded headers", function()
      assert.equal("a b", header(parse("GET /x HTTP/1.1\r\nX: a\r\n\t b\r\n\r\n"), "X"))
   end)

   it("may have an absolute target", function()
      local request = parse("GET https://h.example/x?a=1#f HTTP/1.1\n\n")
      assert.equal("/x?a=1", request.target)
      assert.equal("h.example", request.host)
      assert.equal("https", request.scheme)
      assert.equal("/?a=1", parse("GET http://h.example?a=1 HTTP/1.1\n\n").target)
   end)

   it("is refused in one line, without control bytes, when it is none", function()
      for text, wanted in pairs {
         [""] = "neither a raw HTTP request nor a curl command",
         ["hello"] = "neither a raw HTTP request nor a curl command",
         ["\0\1\2"] = "neither a raw HTTP request nor a curl command",
         ["GET /x HTTP/1.1\nno\27header\n\n"] = '"no?header" is no header line',
         ["GET /x HTTP/1.1\n" .. ("x"):rep(99) .. "\n\n"] = '"' .. ("x"):rep(60) .. '..." is no header line',
      } do
         local request, message = capture.parse(text)
         assert.is_nil(request)
         assert.equal(wanted, message)
      end
   end)
end)

describe("a client's log", function()
   local FOUND = { "POST", "/v1.0/x?a=1", "{\"a\":\"it's\"}", "AB" }

   local function found(text)
      local made = assert(capture.parse(text))
      return { made.method, made.target, made.body, made.headers[2][2] }
   end

   it("of Python's http.client has head and body, a line each", function()
      local head = [[send: b'POST /v1.0/x?a=1 HTTP/1.1\r\nHost: h\r\nsign: AB\r\nContent-Length: 12\r\n\r\n']]
      assert.same(FOUND, found(head .. "\n" .. [[send: b'{"a":"it\'s"}']] .. "\nreply: 'HTTP/1.1 200 OK\\r\\n'\n"))
      assert.same(FOUND, found(head .. "\r\n" .. [[send: b"{\"a\":\"it's\"}"]] .. "\r\n"))
      assert.same({ "POST", "/v1.0/x?a=1", "\195\182\\n", "AB" }, found(head .. "\n" .. [[send: b'\xc3\xb6\\n']]))
   end)

   it("of Python's that is cut off is refused", function()
      local made, message = capture.parse("send: b'GET /v1.0/x HTTP/1.1\\r\\n")
      assert.is_nil(made)
      assert.equal([["send: b'GET /v1.0/x HTTP/1.1\r\n" is no whole line of a log]], message)
   end)

   it("of curl -v is its head; that of a request with a body is refused, since curl does not print that", function()
      local head = "> GET /v1.0/x HTTP/1.1\n> Host: h\n> sign: AB\n>\n< HTTP/1.1 200 OK\n< a: b\n"
      assert.same({ "GET", "/v1.0/x", "", "AB" }, found(head))
      local made, message = capture.parse("> POST /v1.0/x HTTP/1.1\n> Host: h\n> Content-Length: 12\n> \n")
      assert.is_nil(made)
      assert.equal("curl -v does not print the body: give the curl command itself", message)
   end)
end)

describe("a curl command", function()
   it("has its method, URL, headers and data", function()
      local request = parse([[curl -X POST 'https://h.example/v1.0/x?a=1' -H 'client_id: abc' -H "t:1" -d '{"a": 1}']])
      assert.equal("POST", request.method)
      assert.equal("/v1.0/x?a=1", request.target)
      assert.equal("abc", header(request, "client_id"))
      assert.equal("1", header(request, "t"))
      assert.equal('{"a": 1}', request.body)
      assert.equal("https", request.scheme)
   end)

   it("guesses the method as curl does", function()
      assert.equal("GET", parse("curl h.example/x").method)
      assert.equal("POST", parse("curl h.example/x -d a").method)
      assert.equal("HEAD", parse("curl -I h.example/x").method)
      assert.equal("GET", parse("curl -G h.example/x -d a=1").method)
      assert.equal("PUT", parse("curl -XPUT h.example/x -d a=1").method)
   end)

   it("puts data into the query with -G", function()
      local request = parse("curl -G 'h.example/x?z=1' -d a=1 --data-urlencode 'b=c d/\195\169'")
      assert.equal("/x?z=1&a=1&b=c%20d%2F%C3%A9", request.target)
      assert.equal("", request.body)
   end)

   for name, text in pairs {
      ["of a shell"] = "curl h.example/x \\\n  -H 't: 1' \\\r\n -d '{}'",
      ["of cmd.exe"] = 'curl.exe h.example/x ^\r\n  -H "t: 1" ^\r\n -d "{}"',
      ["of PowerShell"] = 'curl h.example/x `\n  -H "t: 1" `\n -d "{}"',
      ["with a prompt"] = "$ curl h.example/x -H 't: 1' -d '{}'",
      ["with short options in one"] = "curl -sSkX POST -Ht:1 -d{} h.example/x",
      ["with long options"] = "curl --request=POST --header 't: 1' --data-raw '{}' --url h.example/x --compressed",
   } do
      it("may be continued or written " .. name, function()
         local request = parse(text)
         assert.equal("/x", request.target)
         assert.equal("1", header(request, "t"))
         assert.equal("{}", request.body)
         assert.equal("POST", request.method)
      end)
   end

   it("keeps what its quotes hold", function()
      assert.equal([[{"a":"b\c"}]], parse([[curl h/x -d "{\"a\":\"b\\c\"}"]]).body)
      assert.equal([[\n $x]], parse([[curl h/x -d '\n $x']]).body)
      assert.equal("\195\169A\65\n'", parse([[curl h/x -d $'\u00e9\x41\101\n\'']]).body)
      assert.equal("a'b", parse([[curl h/x -d 'a'\''b']]).body)
      assert.equal("a b", parse([[curl h/x -d a\ b]]).body)
      assert.equal("ab", parse("curl h/x -d \"a\\\nb\"").body)
   end)

   it("joins data as curl does, and says which type that has", function()
      local request = parse("curl h/x -d a=1 -d b=2")
      assert.equal("a=1&b=2", request.body)
      assert.equal("application/x-www-form-urlencoded", header(request, "Content-Type"))
      assert.equal("application/json", header(parse("curl h/x --json '{}'"), "Content-Type"))
      assert.equal("text/plain", header(parse("curl h/x -d '{}' -H 'Content-Type: text/plain'"), "Content-Type"))
   end)

   it("may name other options, with arguments and without", function()
      local request = parse("curl -o out.json -m 5 --retry 3 -L --http1.1 -u me:it -x proxy:1 -A agent h.example/x")
      assert.equal("/x", request.target)
      assert.equal("h.example", request.host)
   end)

   it("is refused with a reason", function()
      for text, wanted in pairs {
         ["curl -H 't: 1'"] = "the curl command names no URL",
         ["curl h/x -d @body.json"] = 'the body is in the file "body.json", which is not here',
         ["curl h/x -H"] = '"-H" lacks its argument',
         ["curl h/x -H novalue"] = '"novalue" is no header',
         ["curl h/x -H 'a: b\nc: d'"] = '"a: b?c: d" is no header',
         ["curl h/x -d 'a"] = "a quote is not closed",
         ['curl h/x -d "a'] = "a quote is not closed",
         ['curl h/x -d "a\\'] = "a quote is not closed",
         ["curl h/x -d $'a\\"] = "a quote is not closed",
         ["curl h/x -X 'P\nUT'"] = '"P?UT" is no method',
      } do
         local request, message = capture.parse(text)
         assert.is_nil(request)
         assert.equal(wanted, message)
      end
   end)

   it("may end in a backslash", function()
      assert.equal("/x", parse("curl h/x \\").target)
   end)
end)
