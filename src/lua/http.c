/*
** http.c: the head of a reply becomes a table.
** The idea: one walk over the bytes, no copy but the strings that Lua gets.
** The danger: the text is a stranger's; nothing is looked at behind its end, and whoever hands
** it over bounds it.
*/
#include "http.h"

#include <string.h>

/* The end of a head, behind its empty line; NULL while that has not come. */
static const char *end_of_head (const char *text, size_t n) {
  const char *at = text, *end = text + n;
  while ((at = (const char *)memchr(at, '\r', (size_t)(end - at))) != NULL) {
    if (end - at < 4) return NULL;
    if (memcmp(at, "\r\n\r\n", 4) == 0) return at + 4;
    at++;
  }
  return NULL;
}

static int digit (char c) { return c >= '0' && c <= '9' ? c - '0' : -1; }

/* The status of a line "HTTP/1.x nnn ..."; -1 for any other. */
static int status_of (const char *text) {
  int i, status = 0;
  if (memcmp(text, "HTTP/1.", 7) != 0 || digit(text[7]) < 0 || text[8] != ' ') return -1;
  for (i = 9; i < 12; i++) {
    if (digit(text[i]) < 0) return -1;
    status = 10 * status + digit(text[i]);
  }
  return status;
}

static int is_blank (char c) { return c == ' ' || c == '\t'; }

/* Pushes a name in lower case. */
static void push_name (lua_State *L, const char *name, size_t n) {
  luaL_Buffer b;
  size_t i;
  luaL_buffinit(L, &b);
  for (i = 0; i < n; i++)
    luaL_addchar(&b, (char)(name[i] >= 'A' && name[i] <= 'Z' ? name[i] - 'A' + 'a' : name[i]));
  luaL_pushresult(&b);
}

/* Adds a line to the table on top; one whose name is there already goes behind that and a comma. */
static void add_line (lua_State *L, const char *line, const char *end) {
  const char *colon = (const char *)memchr(line, ':', (size_t)(end - line)), *value;
  if (!colon || colon == line) return;
  for (value = colon + 1; value < end && is_blank(*value); value++)
    ;
  while (end > value && is_blank(end[-1]))
    end--;
  push_name(L, line, (size_t)(colon - line));
  lua_pushvalue(L, -1);
  lua_rawget(L, -3); /* stack: headers name what-there-is */
  if (lua_isnil(L, -1)) {
    lua_pop(L, 1);
    lua_pushlstring(L, value, (size_t)(end - value));
  }
  else {
    lua_pushliteral(L, ", ");
    lua_pushlstring(L, value, (size_t)(end - value));
    lua_concat(L, 3);
  }
  lua_rawset(L, -3);
}

/* Pushes the headers between the status line and the empty one. */
static void push_headers (lua_State *L, const char *text, const char *end) {
  const char *line = (const char *)memchr(text, '\n', (size_t)(end - text));
  lua_createtable(L, 0, 8);
  while (line && ++line < end) {
    const char *next = (const char *)memchr(line, '\n', (size_t)(end - line)),
               *stop = next ? next : end;
    if (stop > line && stop[-1] == '\r') stop--;
    add_line(L, line, stop);
    line = next;
  }
}

int http_read_head (lua_State *L) {
  size_t n;
  const char *text = luaL_checklstring(L, 1, &n), *end = end_of_head(text, n);
  int status;
  if (!end) return 0;
  status = end - text >= 12 ? status_of(text) : -1;
  if (status < 0) {
    lua_pushboolean(L, 0);
    return 1;
  }
  lua_pushinteger(L, status);
  lua_pushinteger(L, digit(text[7]));
  push_headers(L, text, end);
  lua_pushinteger(L, (lua_Integer)(end - text));
  return 4;
}
