/*
** core.c: the module tuya.core, libtuya.a seen from Lua.
** The idea: read every argument (may raise, holds nothing), make the userdata (may raise, holds
** nothing), fill it (cannot raise). Its size is that of what was made on the stack, where there
** is room for it, or else is measured. So there is no malloc, no cleanup, nothing that an error
** could leak.
** The danger: the strings that the core borrows must outlive the call. Every one of them is
** left on the stack, so that not even a finalizer that runs meanwhile can free it.
**
** What breaks a rule is answered with nil and the rule, for the Lua layer to raise at its
** caller's line; only wrong types raise here.
*/
#include "compat.h"
#include "http.h"
#include "system.h"
#include "tuya.h"
#include "values.h"

#define KEY "tuya.key"
#define SEALED "tuya.sealed"
#define REQUEST "tuya.request"

TUYA_EXPORT int luaopen_tuya_core (lua_State *L);

static int push_fault (lua_State *L, const char *what, size_t at) {
  lua_pushnil(L);
  lua_pushstring(L, what);
  lua_pushinteger(L, (lua_Integer)at + 1);
  return 3;
}

static int push_str (lua_State *L, tuya_str s) {
  lua_pushlstring(L, s.p ? s.p : "", s.n);
  return 1;
}

static tuya_str check_str (lua_State *L, int arg) {
  tuya_str s;
  luaL_checktype(L, arg, LUA_TSTRING);
  s.p = lua_tolstring(L, arg, &s.n);
  return s;
}

/* --- key --- */

typedef struct key_box {
  tuya_key key;
  tuya_message_key message;
  int open, opens_messages;
} key_box;

static const key_box *check_box (lua_State *L, int arg) {
  const key_box *box = (const key_box *)luaL_checkudata(L, arg, KEY);
  if (!box->open) luaL_argerror(L, arg, "attempt to use a closed key");
  return box;
}

static const tuya_key *check_key (lua_State *L, int arg) { return &check_box(L, arg)->key; }

static const tuya_message_key *check_message_key (lua_State *L, int arg) {
  const key_box *box = check_box(L, arg);
  if (!box->opens_messages) luaL_argerror(L, arg, "messages want a secret of 24 bytes or more");
  return &box->message;
}

static int key_new (lua_State *L) {
  tuya_str secret = check_str(L, 1);
  key_box *box = (key_box *)compat_newuserdata(L, sizeof *box);
  box->open = box->opens_messages = 0;
  luaL_getmetatable(L, KEY);
  lua_setmetatable(L, -2);
  switch (tuya_key_init(&box->key, secret)) {
  case TUYA_OK:
    break;
  case TUYA_ELIMIT:
    return push_fault(L, "secret: longer than 128 bytes", TUYA_MAX_SECRET);
  case TUYA_EINVAL:
    return push_fault(L, "secret: empty", 0);
  default:
    return luaL_error(L, "the hash library failed");
  }
  box->open = 1;
  box->opens_messages = tuya_message_key_init(&box->message, secret) == TUYA_OK;
  return 1;
}

static int key_close (lua_State *L) {
  key_box *box = (key_box *)luaL_checkudata(L, 1, KEY);
  tuya_key_wipe(&box->key);
  tuya_message_key_wipe(&box->message);
  box->open = 0;
  return 0;
}

static int key_mac (lua_State *L) {
  const tuya_key *key = check_key(L, 1);
  tuya_str text = check_str(L, 2);
  char hex[64];
  if (tuya_key_mac(key, text, hex) != TUYA_OK) return luaL_error(L, "the hash library failed");
  lua_pushlstring(L, hex, sizeof hex);
  return 1;
}

/* A list of strings, as many as there is room for. Nothing here allocates. */
static void read_strings (lua_State *L, int list, tuya_str *strings, size_t n) {
  size_t i;
  for (i = 0; i < n; i++) {
    lua_rawgeti(L, list, (int)i + 1);
    if (lua_type(L, -1) != LUA_TSTRING) luaL_error(L, "a list of strings expected");
    strings[i].p = lua_tolstring(L, -1, &strings[i].n);
    lua_pop(L, 1); /* the list keeps it, and no Lua code runs before it is used */
  }
}

static const unsigned char *check_digest (lua_State *L, int arg) {
  tuya_str digest = check_str(L, arg);
  luaL_argcheck(L, digest.n == 32, arg, "a digest of 32 bytes expected");
  return (const unsigned char *)digest.p;
}

/* key:search(digest, heads, tails, from) -> head, tail, the pair to go on from | nil */
static int key_search (lua_State *L) {
  const tuya_key *key = check_key(L, 1);
  const unsigned char *digest = check_digest(L, 2);
  size_t nheads, ntails, at = (size_t)compat_toint64(luaL_optnumber(L, 5, 0));
  tuya_str *strings;
  luaL_checktype(L, 3, LUA_TTABLE);
  luaL_checktype(L, 4, LUA_TTABLE);
  nheads = compat_rawlen(L, 3);
  ntails = compat_rawlen(L, 4);
  strings = (tuya_str *)compat_newuserdata(L, (nheads + ntails + 1) * sizeof *strings);
  check_key(L, 1); /* a finalizer may have closed it */
  read_strings(L, 3, strings, nheads);
  read_strings(L, 4, strings + nheads, ntails);
  if (!tuya_key_search(key, strings, nheads, strings + nheads, ntails, digest, &at)) return 0;
  lua_pushnumber(L, (lua_Number)(at / ntails) + 1);
  lua_pushnumber(L, (lua_Number)(at % ntails) + 1);
  lua_pushnumber(L, (lua_Number)at + 1);
  return 3;
}

/* key:search_t(digest, before, after, t, span) -> t | nil */
static int key_search_t (lua_State *L) {
  const tuya_key *key = check_key(L, 1);
  const unsigned char *digest = check_digest(L, 2);
  tuya_str before = check_str(L, 3), after = check_str(L, 4);
  int64_t t = compat_toint64(luaL_checknumber(L, 5)), span = compat_toint64(luaL_checknumber(L, 6));
  if (!tuya_key_search_t(key, before, after, span, digest, &t)) return 0;
  lua_pushnumber(L, (lua_Number)t);
  return 1;
}

/* --- messages --- */

static tuya_str opt_str (lua_State *L, int arg) {
  tuya_str none = {"", 0};
  return lua_isnoneornil(L, arg) ? none : check_str(L, arg);
}

/* The arguments from 2 on: data or text, via, cipher, t. */
static void read_message (lua_State *L, tuya_message *message) {
  static const char *const vias[] = {"pulsar", "mqtt", NULL};
  static const char *const ciphers[] = {"any", "ecb", "gcm", NULL};
  message->data = check_str(L, 2);
  message->via = (tuya_via)luaL_checkoption(L, 3, NULL, vias);
  message->cipher = (tuya_cipher)luaL_checkoption(L, 4, "any", ciphers);
  message->t = opt_str(L, 5);
}

/* What came of it: a string, or nil and why. */
static int push_message (lua_State *L, tuya_err err, tuya_str result, const tuya_fault *fault) {
  if (err == TUYA_EHASH) return luaL_error(L, "%s", fault->what);
  if (err != TUYA_OK) return push_fault(L, fault->what, fault->at);
  return push_str(L, result);
}

/* key:open_message(data, via, cipher, t) -> text | nil, why */
static int key_open_message (lua_State *L) {
  tuya_message message;
  tuya_fault fault;
  tuya_str text;
  tuya_err err;
  size_t size;
  void *mem;
  check_message_key(L, 1);
  read_message(L, &message);
  size = tuya_message_room(message.data.n);
  mem = compat_newuserdata(L, size); /* may run a finalizer, and that may close the key */
  err = tuya_message_open(check_message_key(L, 1), &message, mem, size, &text, &fault);
  return push_message(L, err, text, &fault);
}

/* key:make_message(text, via, cipher, t, iv) -> data | nil, why */
static int key_make_message (lua_State *L) {
  tuya_message message;
  tuya_fault fault;
  tuya_str iv = check_str(L, 6), data;
  tuya_err err;
  size_t size;
  void *mem;
  check_message_key(L, 1);
  read_message(L, &message);
  luaL_argcheck(L, iv.n == 12, 6, "an iv of 12 bytes expected");
  size = tuya_message_room(message.data.n);
  mem = compat_newuserdata(L, size);
  err = tuya_message_make(check_message_key(L, 1), &message, (const unsigned char *)iv.p, mem, size,
                          &data, &fault);
  return push_message(L, err, data, &fault);
}

/* from_base64(text) -> bytes | nil */
static int from_base64 (lua_State *L) {
  tuya_str text = check_str(L, 1);
  char *out = (char *)compat_newuserdata(L, text.n + 1);
  size_t n;
  if (tuya_base64_read(text, out, &n) != TUYA_OK) return 0;
  lua_pushlstring(L, out, n);
  return 1;
}

static int to_base64 (lua_State *L) {
  tuya_str data = check_str(L, 1);
  char *out = (char *)compat_newuserdata(L, data.n / 3 * 4 + 5);
  size_t n;
  tuya_base64_write(data, out, &n);
  lua_pushlstring(L, out, n);
  return 1;
}

static int key_opens_messages (lua_State *L) {
  lua_pushboolean(L, check_box(L, 1)->opens_messages);
  return 1;
}

static int key_pulsar_password (lua_State *L) {
  const tuya_message_key *key = check_message_key(L, 1);
  char password[16];
  if (tuya_pulsar_password(key, check_str(L, 2), password) != TUYA_OK)
    return luaL_error(L, "the hash library failed");
  lua_pushlstring(L, password, sizeof password);
  return 1;
}

static int key_tostring (lua_State *L) {
  key_box *box = (key_box *)luaL_checkudata(L, 1, KEY);
  lua_pushstring(L, box->open ? KEY " (redacted)" : KEY " (closed)");
  return 1;
}

/* --- request: a table of strings and of lists of { name, value } --- */

typedef struct request_box {
  tuya_request request;
  tuya_pair query[TUYA_MAX_QUERY], headers[TUYA_MAX_HEADERS];
  int wrong; /* the field that is not of its form; 0: none */
} request_box;

/*
** Upvalues of the functions that read a request or a signer: the names of the fields, as
** strings made once, where lua_pushstring would look each of them up for every signature, and
** where these lie; the randomness for nonces; the classes.
*/
enum {
  METHOD = 1,
  PATH,
  BODY,
  CONTENT_TYPE,
  LANG,
  QUERY,
  HEADERS,
  ACCESS_ID,
  THE_KEY,
  TOKEN,
  MOMENT,
  NONCE,
  BUNDLE_ID,
  ALGORITHM,
  ADDRESSES,
  RANDOMNESS,
  REQUEST_CLASS,
  KEY_CLASS,
  SEALED_CLASS,
  FIRST_OF_SIGNER = ACCESS_ID,
  SIGNER_FIELDS = ALGORITHM - ACCESS_ID + 1
};

static const char *const field_names[] = {NULL,           "method",    "path",         "body",
                                          "content_type", "lang",      "query",        "headers",
                                          "access_id",    "key",       "access_token", "t",
                                          "nonce",        "bundle_id", "algorithm"};

static void push_reader (lua_State *L, lua_CFunction f) {
  const char **addresses;
  int i;
  luaL_checkstack(L, SEALED_CLASS + 1, "upvalues");
  for (i = METHOD; i <= ALGORITHM; i++)
    lua_pushstring(L, field_names[i]);
  addresses = (const char **)compat_newuserdata(L, (ALGORITHM + 1) * sizeof *addresses);
  for (i = METHOD; i <= ALGORITHM; i++)
    addresses[i] = lua_tostring(L, i - ADDRESSES - 1);
  system_pushbatch(L);
  luaL_getmetatable(L, REQUEST);
  luaL_getmetatable(L, KEY);
  luaL_getmetatable(L, SEALED);
  lua_pushcclosure(L, f, SEALED_CLASS);
}

/* Whether the value has the class that an upvalue is. */
static int is_of (lua_State *L, int arg, int upvalue) {
  int same;
  if (!lua_getmetatable(L, arg)) return 0;
  same = lua_rawequal(L, -1, lua_upvalueindex(upvalue));
  lua_pop(L, 1);
  return same;
}

static void raw_field (lua_State *L, int table, int field) {
  lua_pushvalue(L, lua_upvalueindex(field));
  lua_rawget(L, table);
}

/* A string or nil into s; 0 for anything else. */
static int opt_string (lua_State *L, int arg, tuya_str *s) {
  int type = lua_type(L, arg);
  s->p = NULL;
  s->n = 0;
  if (type == LUA_TSTRING) s->p = lua_tolstring(L, arg, &s->n);
  return s->p || type == LUA_TNIL;
}

static void read_field (lua_State *L, request_box *box, int field, tuya_str *s) {
  raw_field(L, 1, field);
  if (!opt_string(L, -1, s)) box->wrong = field;
}

/* The pair of strings that is item i of a list; three slots. */
static int read_pair (lua_State *L, int list, int i, tuya_pair *pair) {
  lua_rawgeti(L, list, i);
  if (!lua_istable(L, -1)) return 0;
  lua_rawgeti(L, -1, 1);
  if (!opt_string(L, -1, &pair->name) || !pair->name.p) return 0;
  lua_rawgeti(L, -2, 2);
  return opt_string(L, -1, &pair->value) && pair->value.p;
}

static int is_empty (lua_State *L, int table) {
  lua_pushnil(L);
  return !lua_next(L, table);
}

/* The list of pairs in a field; more than max are counted, not read. */
static size_t read_pairs (lua_State *L, request_box *box, int field, tuya_pair *pairs, size_t max) {
  size_t i, n;
  int list, fits;
  raw_field(L, 1, field);
  if (lua_isnil(L, -1)) return 0;
  list = lua_gettop(L);
  fits = lua_istable(L, list);
  n = fits ? compat_rawlen(L, list) : 0;
  if (n > max) return n;
  luaL_checkstack(L, 3 * (int)n + 8, "a list of pairs");
  for (i = 0; fits && i < n; i++)
    fits = read_pair(L, list, (int)i + 1, &pairs[i]);
  if (!fits || (n == 0 && !is_empty(L, list))) box->wrong = field;
  return fits ? n : 0;
}

/* The request at 1. 0 when a field is not of the form that request.build gives it. */
static int read_request (lua_State *L, request_box *box) {
  tuya_request *r = &box->request;
  box->wrong = 0;
  if (!lua_istable(L, 1)) return 0;
  luaL_checkstack(L, 16, "a request");
  read_field(L, box, METHOD, &r->method);
  read_field(L, box, PATH, &r->path);
  read_field(L, box, BODY, &r->body);
  read_field(L, box, CONTENT_TYPE, &r->content_type);
  read_field(L, box, LANG, &r->lang);
  r->query = box->query;
  r->headers = box->headers;
  r->nquery = read_pairs(L, box, QUERY, box->query, TUYA_MAX_QUERY);
  r->nheaders = read_pairs(L, box, HEADERS, box->headers, TUYA_MAX_HEADERS);
  return !box->wrong;
}

/* Somebody has changed a request after it was built. */
static int push_wrong (lua_State *L, const request_box *box) {
  lua_pushnil(L);
  if (!box->wrong) lua_pushliteral(L, "request: a table expected");
  else
    lua_pushfstring(L, "%s: a %s expected", field_names[box->wrong],
                    box->wrong >= QUERY ? "list of { name, value } pairs of strings" : "string");
  lua_pushinteger(L, 1);
  return 3;
}

/* request(fields) -> the same table, now a request | nil, rule, index */
static int request_new (lua_State *L) {
  request_box box;
  tuya_fault fault;
  if (!read_request(L, &box)) return push_wrong(L, &box);
  if (tuya_request_check(&box.request, &fault) != TUYA_OK)
    return push_fault(L, fault.what, fault.at);
  lua_settop(L, 1);
  lua_pushvalue(L, lua_upvalueindex(REQUEST_CLASS));
  lua_setmetatable(L, 1);
  return 1;
}

static int is_token_call (lua_State *L) {
  lua_pushboolean(L, tuya_is_token_call(check_str(L, 1)));
  return 1;
}

/* --- sealed: a tuya_sealed block, without a finalizer --- */

/* A signer's values stand above the two arguments, each in a slot of its own. */
#define SLOT(field) (3 + (field)-FIRST_OF_SIGNER)

/* The field that the key at -2 names; short strings are the same where their address is. */
static int signer_field (lua_State *L, const char *const *addresses) {
  const char *name = lua_type(L, -2) == LUA_TSTRING ? lua_tostring(L, -2) : NULL;
  int field;
  for (field = FIRST_OF_SIGNER; name && field <= ALGORITHM; field++)
    if (name == addresses[field]) return field;
  return 0;
}

/* Puts the values of the table at 2 into their slots; 0 with an unknown name at -2. */
static int spread_signer (lua_State *L) {
  void *addresses = lua_touserdata(L, lua_upvalueindex(ADDRESSES));
  lua_settop(L, 2 + SIGNER_FIELDS);
  lua_pushnil(L);
  while (lua_next(L, 2)) {
    int field = signer_field(L, (const char *const *)addresses);
    if (!field) return 0;
    lua_replace(L, SLOT(field)); /* stack: ... key */
  }
  return 1;
}

static int64_t read_digits (tuya_str s) {
  int64_t value = 0;
  size_t i;
  for (i = 0; i < s.n && i < 13 && s.p[i] >= '0' && s.p[i] <= '9'; i++)
    value = 10 * value + (s.p[i] - '0');
  return i == s.n ? value : 0;
}

/* An integer, an integral float or 13 digits; 0, which the core refuses, for anything else. */
static int64_t read_moment (lua_State *L, int arg) {
  lua_Number t;
  tuya_str digits;
  if (lua_isnil(L, arg)) return system_now();
  if (opt_string(L, arg, &digits)) return read_digits(digits);
  t = lua_type(L, arg) == LUA_TNUMBER ? lua_tonumber(L, arg) : 0;
  return t >= 0 && t < 1e15 && (lua_Number)(int64_t)t == t ? (int64_t)t : 0;
}

static const char *read_algorithm (lua_State *L, tuya_algorithm *algorithm) {
  tuya_str name;
  *algorithm = TUYA_V2;
  if (lua_isnil(L, SLOT(ALGORITHM))) return NULL;
  if (opt_string(L, SLOT(ALGORITHM), &name) && name.n == 2 && name.p[0] == 'v') {
    if (name.p[1] == '2') return NULL;
    *algorithm = TUYA_V1;
    if (name.p[1] == '1') return NULL;
  }
  return "algorithm: \"v2\", or \"v1\" for projects made before 2021-06-30";
}

static const char *read_key (lua_State *L, const tuya_key **key) {
  const key_box *box = (const key_box *)lua_touserdata(L, SLOT(THE_KEY));
  if (!box || !is_of(L, SLOT(THE_KEY), KEY_CLASS)) return "key: make one with tuya.key(secret)";
  *key = &box->key;
  return box->open ? NULL : "key: attempt to use a closed key";
}

/* Absent: one of ours, unless the algorithm has none. false: none. */
static const char *read_nonce (lua_State *L, tuya_signer *signer, char *fresh) {
  int given = lua_toboolean(L, SLOT(NONCE)), absent = lua_isnil(L, SLOT(NONCE));
  signer->nonce.p = NULL;
  signer->nonce.n = 0;
  if (given && !opt_string(L, SLOT(NONCE), &signer->nonce))
    return "nonce: a string expected, or false for none";
  if (absent && signer->algorithm == TUYA_V2) {
    system_nonce(L, lua_touserdata(L, lua_upvalueindex(RANDOMNESS)), fresh);
    signer->nonce.p = fresh;
    signer->nonce.n = SYSTEM_NONCE;
  }
  return NULL;
}

/* The rule that a field breaks, or NULL. `fresh` is room for a nonce of ours. */
static const char *read_signer (lua_State *L, tuya_signer *signer, char *fresh) {
  const char *rule = read_key(L, &signer->key);
  if (!rule) rule = read_algorithm(L, &signer->algorithm);
  if (!rule) rule = read_nonce(L, signer, fresh);
  if (rule) return rule;
  signer->t_ms = read_moment(L, SLOT(MOMENT));
  if (!opt_string(L, SLOT(ACCESS_ID), &signer->client_id)) return "access_id: a string expected";
  if (!opt_string(L, SLOT(TOKEN), &signer->access_token)) return "access_token: a string expected";
  if (!opt_string(L, SLOT(BUNDLE_ID), &signer->bundle_id)) return "bundle_id: a string expected";
  return NULL;
}

/* The userdata on top is a block that tuya_seal has filled. */
static int return_sealed (lua_State *L) {
  lua_pushvalue(L, lua_upvalueindex(SEALED_CLASS));
  lua_setmetatable(L, -2);
  return 1;
}

/* A request that is larger than what the stack has room for: it is measured first. */
static int seal_large (lua_State *L, const tuya_request *request, tuya_signer *signer) {
  tuya_fault fault;
  const char *rule;
  size_t size;
  void *mem;
  if (tuya_seal_size(request, signer, &size, &fault) != TUYA_OK)
    return push_fault(L, fault.what, fault.at);
  mem = compat_newuserdata(L, size); /* may run a finalizer, and that may close the key */
  rule = read_key(L, &signer->key);
  if (rule) return push_fault(L, rule, 0);
  if (tuya_seal(request, signer, mem, size, &fault) != TUYA_OK)
    return luaL_error(L, "cannot sign: %s", fault.what);
  return return_sealed(L);
}

enum { ROOM = 2048 }; /* most requests have 600 to 1000 bytes */

/* Signs on the stack and copies: checking and counting everything twice would cost more. */
static int seal_request (lua_State *L, const tuya_request *request, tuya_signer *signer) {
  uint32_t block[ROOM / sizeof(uint32_t)];
  const tuya_sealed *sealed = (const tuya_sealed *)block;
  tuya_fault fault;
  tuya_err err = TUYA_ESPACE;
  size_t size;
  if (request->body.n < ROOM) err = tuya_seal(request, signer, block, ROOM, &fault);
  if (err == TUYA_ESPACE) return seal_large(L, request, signer);
  if (err == TUYA_EHASH) return luaL_error(L, "cannot sign: %s", fault.what);
  if (err != TUYA_OK) return push_fault(L, fault.what, fault.at);
  size = tuya_sealed_size(sealed);
  memcpy(compat_newuserdata(L, size), block, size);
  return return_sealed(L);
}

/* seal(request, signer) -> sealed | nil, rule, index | nil, nil, the unknown name */
static int seal (lua_State *L) {
  request_box box;
  tuya_signer signer;
  char fresh[SYSTEM_NONCE];
  const char *rule;
  lua_settop(L, 2);
  if (!is_of(L, 1, REQUEST_CLASS)) return push_fault(L, "request: made by tuya.request", 0);
  if (!lua_istable(L, 2)) return push_fault(L, "signer: a table expected", 0);
  if (!spread_signer(L)) {
    lua_pushnil(L);
    lua_pushnil(L);
    lua_pushvalue(L, -4);
    return 3;
  }
  rule = read_signer(L, &signer, fresh);
  if (rule) return push_fault(L, rule, 0);
  if (!read_request(L, &box)) return push_wrong(L, &box);
  return seal_request(L, &box.request, &signer);
}

static int is_sealed (lua_State *L) {
  lua_pushboolean(L, compat_testudata(L, 1, SEALED) != NULL);
  return 1;
}

static int is_key (lua_State *L) {
  const key_box *box = (const key_box *)compat_testudata(L, 1, KEY);
  lua_pushboolean(L, box && box->open);
  return 1;
}

static const tuya_sealed *check_sealed (lua_State *L) {
  return (const tuya_sealed *)luaL_checkudata(L, 1, SEALED);
}

static int sealed_method (lua_State *L) { return push_str(L, tuya_sealed_method(check_sealed(L))); }
static int sealed_target (lua_State *L) { return push_str(L, tuya_sealed_target(check_sealed(L))); }
static int sealed_body (lua_State *L) { return push_str(L, tuya_sealed_body(check_sealed(L))); }

static int sealed_canonical (lua_State *L) {
  return push_str(L, tuya_sealed_canonical(check_sealed(L)));
}

/* A fresh table name = value: what the caller does with it cannot reach the block. */
static int sealed_headers (lua_State *L) {
  const tuya_sealed *sealed = check_sealed(L);
  size_t i, n = tuya_sealed_nheaders(sealed);
  lua_createtable(L, 0, (int)n);
  for (i = 0; i < n; i++) {
    tuya_pair header = tuya_sealed_header(sealed, i);
    push_str(L, header.name); /* stack: headers name */
    push_str(L, header.value);
    lua_rawset(L, -3);
  }
  return 1;
}

static int push_header (lua_State *L, const tuya_sealed *sealed, const char *name) {
  size_t i, n = tuya_sealed_nheaders(sealed), length = strlen(name);
  for (i = 0; i < n; i++) {
    tuya_pair header = tuya_sealed_header(sealed, i);
    if (header.name.n == length && memcmp(header.name.p, name, length) == 0)
      return push_str(L, header.value);
  }
  lua_pushnil(L);
  return 1;
}

/* signature() -> sign, t, nonce | nil: what is another one each time, of the headers */
static int sealed_signature (lua_State *L) {
  const tuya_sealed *sealed = check_sealed(L);
  return push_header(L, sealed, "sign") + push_header(L, sealed, "t") +
         push_header(L, sealed, "nonce");
}

static void add_str (luaL_Buffer *b, tuya_str s) { luaL_addlstring(b, s.n ? s.p : "", s.n); }

/* Whether a request says how long its body is: one that usually has one says so of an empty one as
 * well. */
static int has_length (tuya_str method, tuya_str body) {
  return body.n > 0 || method.p[0] == 'P'; /* POST, PUT, PATCH */
}

/* wire(lines) -> the bytes of the request, as HTTP/1.1 has them; `lines` are the sender's own
 * headers */
static int sealed_wire (lua_State *L) {
  const tuya_sealed *sealed = check_sealed(L);
  tuya_str lines = check_str(L, 2), method = tuya_sealed_method(sealed),
           body = tuya_sealed_body(sealed);
  size_t i, n = tuya_sealed_nheaders(sealed);
  luaL_Buffer b;
  luaL_buffinit(L, &b);
  add_str(&b, method);
  luaL_addlstring(&b, " ", 1);
  add_str(&b, tuya_sealed_target(sealed));
  luaL_addlstring(&b, " HTTP/1.1\r\n", 11);
  add_str(&b, lines);
  for (i = 0; i < n; i++) {
    tuya_pair header = tuya_sealed_header(sealed, i);
    add_str(&b, header.name);
    luaL_addlstring(&b, ": ", 2);
    add_str(&b, header.value);
    luaL_addlstring(&b, "\r\n", 2);
  }
  if (has_length(method, body)) {
    luaL_addlstring(&b, "Content-Length: ", 16);
    lua_pushinteger(L, (lua_Integer)body.n);
    luaL_addvalue(&b);
    luaL_addlstring(&b, "\r\n", 2);
  }
  luaL_addlstring(&b, "\r\n", 2);
  add_str(&b, body);
  luaL_pushresult(&b);
  return 1;
}

/* The method alone: a target may hold a refresh token. */
static int sealed_tostring (lua_State *L) {
  const tuya_sealed *sealed = check_sealed(L);
  lua_pushliteral(L, SEALED ": ");
  push_str(L, tuya_sealed_method(sealed));
  lua_concat(L, 2);
  return 1;
}

/* --- the module --- */

static int sha256 (lua_State *L) {
  char hex[64];
  if (tuya_sha256(check_str(L, 1), hex) != TUYA_OK) return luaL_error(L, "the hash library failed");
  lua_pushlstring(L, hex, sizeof hex);
  return 1;
}

static int md5 (lua_State *L) {
  char hex[32];
  if (tuya_md5(check_str(L, 1), hex) != TUYA_OK) return luaL_error(L, "the hash library failed");
  lua_pushlstring(L, hex, sizeof hex);
  return 1;
}

static int nonce (lua_State *L) {
  char hex[SYSTEM_NONCE];
  system_nonce(L, lua_touserdata(L, lua_upvalueindex(1)), hex);
  lua_pushlstring(L, hex, sizeof hex);
  return 1;
}

/*
** run(handler, f, ...) -> true | false, what the handler has made of what f raised. Unlike xpcall
** it hands arguments on in 5.1 too, and nothing yields over it.
*/
static int run (lua_State *L) {
  int ok;
  luaL_checktype(L, 2, LUA_TFUNCTION);
  ok = lua_pcall(L, lua_gettop(L) - 2, 0, 1) == 0;
  lua_pushboolean(L, ok);
  if (ok) return 1;
  lua_insert(L, -2);
  return 2;
}

static const luaL_Reg key_methods[] = {{"mac", key_mac},
                                       {"search", key_search},
                                       {"search_t", key_search_t},
                                       {"open_message", key_open_message},
                                       {"make_message", key_make_message},
                                       {"opens_messages", key_opens_messages},
                                       {"pulsar_password", key_pulsar_password},
                                       {"close", key_close},
                                       {NULL, NULL}};

static const luaL_Reg key_metamethods[] = {
    {"__gc", key_close}, {"__close", key_close}, {"__tostring", key_tostring}, {NULL, NULL}};

static const luaL_Reg sealed_methods[] = {
    {"method", sealed_method},   {"target", sealed_target},
    {"body", sealed_body},       {"canonical", sealed_canonical},
    {"headers", sealed_headers}, {"signature", sealed_signature},
    {"wire", sealed_wire},       {NULL, NULL}};

static const luaL_Reg sealed_metamethods[] = {{"__tostring", sealed_tostring}, {NULL, NULL}};

static const luaL_Reg functions[] = {{"key", key_new},
                                     {"is_key", is_key},
                                     {"is_sealed", is_sealed},
                                     {"run", run},
                                     {"now", system_pushnow},
                                     {"monotonic", system_monotonic},
                                     {"wait", system_wait},
                                     {"is_terminal", system_isterminal},
                                     {"is_private", system_isprivate},
                                     {"read_hidden", system_readhidden},
                                     {"decimal_point", system_decimalpoint},
                                     {"is_plain", values_isplain},
                                     {"fit", values_fit},
                                     {"restore", values_restore},
                                     {"sha256", sha256},
                                     {"md5", md5},
                                     {"is_token_call", is_token_call},
                                     {"read_head", http_read_head},
                                     {"from_base64", from_base64},
                                     {"to_base64", to_base64},
                                     {NULL, NULL}};

TUYA_EXPORT int luaopen_tuya_core (lua_State *L) {
  compat_checkversion(L);
  compat_newclass(L, KEY, key_methods, key_metamethods);
  compat_newclass(L, SEALED, sealed_methods, sealed_metamethods);
  lua_newtable(L);
  compat_setfuncs(L, functions);
  luaL_newmetatable(L, REQUEST); /* of plain tables: nothing in it but its identity */
  lua_setfield(L, -2, "request_metatable");
  push_reader(L, request_new);
  lua_setfield(L, -2, "request");
  push_reader(L, seal);
  lua_setfield(L, -2, "seal");
  system_pushbatch(L);
  lua_pushcclosure(L, nonce, 1);
  lua_setfield(L, -2, "nonce");
  lua_pushliteral(L, TUYA_VERSION);
  lua_setfield(L, -2, "VERSION");
  return 1;
}
