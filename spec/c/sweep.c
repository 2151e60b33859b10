/*
** sweep.c: sweep.lua again and again, and each time the next allocation fails.
** The idea: an allocation can fail anywhere, so it is made to fail everywhere: Lua's in turn,
** then ours and libcurl's, then OpenSSL's; once alone and once with all that follow. Each time
** nothing may leak, no descriptor stay open, and the same state must do the whole thing right
** when memory is there again. Where Lua collects before it gives up (5.2 and later), a single
** failure also makes it collect at that very point, wherever that is.
** The danger: what does not go through the three allocators here cannot fail: glibc's own.
** A child does the work, and another goes on after a crash, which so has a number. One crash is
** known and not ours: see on_division.
**
**   sweep [openssl]   OpenSSL's as well: they are the same for every Lua
**
** With TUYA_SWEEP_WEBSOCKET it is tuya.websocket's, with sweep_websocket.lua. What libwslay
** allocates does not fail there: it is a shared library, and calls glibc's.
**
** The modules are linked, not loaded; every malloc of the program is wrapped (-Wl,--wrap).
*/
#define _GNU_SOURCE
#include <dirent.h>
#include <dlfcn.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <curl/curl.h>
#include <lauxlib.h>
#include <lua.h>
#include <openssl/crypto.h>

#include "check.h"
#include "loopback.h"

#ifdef TUYA_SWEEP_WEBSOCKET
#define PROGRAM "c sweep of tuya.websocket on " TUYA_LUA
#elif defined(TUYA_POLL)
#define PROGRAM "c sweep on " TUYA_LUA " (poll)"
#else
#define PROGRAM "c sweep on " TUYA_LUA
#endif

int luaopen_tuya_core (lua_State *L);
int luaopen_tuya_curl (lua_State *L);
int luaopen_tuya_file (lua_State *L);
int luaopen_tuya_websocket (lua_State *L);

/* --- allocators that fail --- */

typedef struct arena {
  const char *name;
  long at;     /* the allocation that fails, from 1 */
  long made;   /* since it was armed */
  long live;   /* blocks */
  int forever; /* all that follow fail as well */
  int armed;
} arena;

static arena of_lua = {"Lua's", 0, 0, 0, 0, 0};
static arena of_c = {"ours and libcurl's", 0, 0, 0, 0, 0};
static arena of_openssl = {"OpenSSL's", 0, 0, 0, 0, 0};

static int is_serving; /* the test's own allocations never fail, and are not counted */

/* Atomic, here and below: libcurl may have a thread that resolves a name. */
static int fails (arena *a) {
  long made;
  if (!a->armed) return 0;
  made = __atomic_add_fetch(&a->made, 1, __ATOMIC_RELAXED);
  return made == a->at || (a->forever && made > a->at);
}

void *__real_malloc (size_t n);
void *__real_calloc (size_t n, size_t size);
void *__real_realloc (void *p, size_t n);
void __real_free (void *p);

static void *counted (arena *a, void *p) {
  if (p) __atomic_add_fetch(&a->live, 1, __ATOMIC_RELAXED);
  return p;
}

static void *arena_realloc (arena *a, void *p, size_t n) {
  if (fails(a)) return NULL;
  return p ? __real_realloc(p, n) : counted(a, __real_malloc(n));
}

static void arena_free (arena *a, void *p) {
  if (p) __atomic_sub_fetch(&a->live, 1, __ATOMIC_RELAXED);
  __real_free(p);
}

static void *c_malloc (size_t n) { return fails(&of_c) ? NULL : counted(&of_c, __real_malloc(n)); }
static void *c_calloc (size_t n, size_t size) {
  return fails(&of_c) ? NULL : counted(&of_c, __real_calloc(n, size));
}
static void *c_realloc (void *p, size_t n) { return arena_realloc(&of_c, p, n); }
static void c_free (void *p) { arena_free(&of_c, p); }
static char *c_strdup (const char *text) {
  size_t n = strlen(text) + 1;
  char *copy = c_malloc(n);
  return copy ? memcpy(copy, text, n) : NULL;
}

void *__wrap_malloc (size_t n) { return is_serving ? __real_malloc(n) : c_malloc(n); }
void *__wrap_calloc (size_t n, size_t size) {
  return is_serving ? __real_calloc(n, size) : c_calloc(n, size);
}
void *__wrap_realloc (void *p, size_t n) {
  return is_serving ? __real_realloc(p, n) : c_realloc(p, n);
}
void __wrap_free (void *p) {
  if (is_serving) __real_free(p);
  else c_free(p);
}

static void *ssl_malloc (size_t n, const char *file, int line) {
  (void)file, (void)line;
  return n ? arena_realloc(&of_openssl, NULL, n) : NULL;
}
static void ssl_free (void *p, const char *file, int line) {
  (void)file, (void)line;
  arena_free(&of_openssl, p);
}
static void *ssl_realloc (void *p, size_t n, const char *file, int line) {
  if (n) return arena_realloc(&of_openssl, p, n);
  ssl_free(p, file, line);
  return NULL;
}

/* Lua counts on it that a block can be made smaller. */
static void *lua_memory (void *unused, void *p, size_t before, size_t n) {
  (void)unused;
  if (n == 0) {
    arena_free(&of_lua, p);
    return NULL;
  }
  if (p && n <= before) return __real_realloc(p, n);
  return arena_realloc(&of_lua, p, n);
}

/* --- the server's side --- */

static struct {
  int listener, port, npeers;
  peer peers[16];
} server;

#ifndef TUYA_SWEEP_WEBSOCKET
static void answer_all (peer *p) {
  static const char answer[] = "HTTP/1.1 200 OK\r\nContent-Length: 16\r\n\r\n{\"success\":true}";
  size_t n;
  peer_read(p);
  while ((n = peer_request(p)) > 0) {
    p->used += n;
    peer_write(p, answer, sizeof answer - 1);
  }
}

static int serve (lua_State *L) {
  int fd, i;
  (void)L;
  is_serving = 1;
  while (server.npeers < 16 && (fd = loopback_accept(server.listener)) >= 0)
    peer_init(&server.peers[server.npeers++], fd);
  for (i = 0; i < server.npeers; i++)
    answer_all(&server.peers[i]);
  is_serving = 0;
  return 0;
}

#else
#define ANSWER                                                                                     \
  "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"              \
  "Sec-WebSocket-Accept: "

/* upgrade(accept) -> the descriptor of a connection whose request was just answered | nothing */
static int upgrade (lua_State *L) {
  size_t n;
  const char *accept = luaL_checklstring(L, 1, &n);
  int i, fd = -1;
  is_serving = 1;
  while (server.npeers < 16 && (fd = loopback_accept(server.listener)) >= 0)
    peer_init(&server.peers[server.npeers++], fd);
  for (i = 0, fd = -1; i < server.npeers && fd < 0; i++) {
    peer *p = &server.peers[i];
    if (p->used == 0) peer_read(p);
    if (p->used > 0 || peer_request(p) == 0) continue;
    p->used = peer_request(p);
    peer_write(p, ANSWER, sizeof ANSWER - 1);
    peer_write(p, accept, n);
    peer_write(p, "\r\n\r\n", 4);
    fd = p->fd;
  }
  is_serving = 0;
  if (fd < 0) return 0;
  lua_pushinteger(L, fd);
  return 1;
}
#endif

/* In ms, for a transfer: one to which memory is short may hang, any other must not be hurried. */
enum { IMPATIENT = 80, PATIENT = 20000 };

static void hang_up (void) {
  int fd;
  is_serving = 1;
  while (server.npeers > 0)
    peer_close(&server.peers[--server.npeers]);
  while ((fd = loopback_accept(server.listener)) >= 0)
    close(fd);
  is_serving = 0;
}

static int entries (const char *path) {
  DIR *dir = opendir(path);
  int n = 0;
  while (dir && readdir(dir))
    n++;
  if (dir) closedir(dir);
  return n;
}

static int open_descriptors (void) { return entries("/proc/self/fd"); }

/*
** libcurl resolves in a thread even what is an address, when memory is short as it tries to do
** without. Such a thread of a transfer that is gone frees what it has, and ends, in its own time.
*/
static int ended_threads (void) {
  enum { ALONE = 3 }; /* and "." and ".." */
  struct timespec ms = {0, 1000000};
  int tries = 0;
  while (entries("/proc/self/task") > ALONE && tries++ < PATIENT)
    nanosleep(&ms, NULL);
  return tries < PATIENT;
}

/* --- files: in memory, since each is written with fsync --- */

static char directory[] = "/dev/shm/tuya-sweep-XXXXXX";

static void remove_files (void) {
  DIR *dir = opendir(directory);
  struct dirent *entry;
  while (dir && (entry = readdir(dir)) != NULL)
    if (entry->d_name[0] != '.') unlinkat(dirfd(dir), entry->d_name, 0);
  if (dir) closedir(dir);
}

/* --- a state and a run in it --- */

static int text (lua_State *L) {
  if (!luaL_callmeta(L, 1, "__tostring")) lua_pushliteral(L, "?");
  return 1;
}

static int panic (lua_State *L) {
  printf("a raise that nothing caught: %s\n", lua_tostring(L, -1));
  return 0;
}

#ifdef TUYA_SWEEP_WEBSOCKET
#define SCRIPT TUYA_HERE "/sweep_websocket.lua"
enum { CHUNK = 1, ARGUMENTS = 7, PREPARED = ARGUMENTS - 1, RESULTS = 3 };
#else
#define SCRIPT TUYA_HERE "/sweep.lua"
enum { CHUNK = 1, ARGUMENTS = 10, PREPARED = ARGUMENTS - 1, RESULTS = 3 };
#endif

/* 5.2 does not in a finalizer, whose call itself can take memory. */
#if LUA_VERSION_NUM >= 503
enum { COLLECTS = 1 }; /* and tries again before it raises */
#else
enum { COLLECTS = 0 };
#endif

/* Of allocations, and of those that libcurl does not survive: two a connection. */
enum { FEWEST = 10, MOST = 100000, DIVISIONS = 12 };

/* Loads the script and puts its arguments above it. */
static int prepare (lua_State *L) {
  char nowhere[64], endpoint[64];
  snprintf(endpoint, sizeof endpoint, "http://127.0.0.1:%d", server.port);
  snprintf(nowhere, sizeof nowhere, "127.0.0.1:%d", loopback_refusing_port());
  if (luaL_loadfile(L, SCRIPT) != 0) return 0;
#ifdef TUYA_SWEEP_WEBSOCKET
  lua_pushcfunction(L, luaopen_tuya_websocket);
  lua_pushcfunction(L, upgrade);
  lua_pushcfunction(L, text);
  lua_pushstring(L, endpoint);
  lua_pushstring(L, nowhere);
  lua_pushstring(L, TUYA_HERE "/ca.pem");
#else
  lua_pushcfunction(L, luaopen_tuya_core);
  lua_pushcfunction(L, luaopen_tuya_curl);
  lua_pushcfunction(L, luaopen_tuya_file);
  lua_pushcfunction(L, serve);
  lua_pushcfunction(L, text);
  lua_pushstring(L, endpoint);
  lua_pushstring(L, nowhere);
  lua_pushstring(L, TUYA_HERE "/ca.pem");
  lua_pushstring(L, directory);
#endif
  return 1;
}

/* Calls it; its results or the message are left on the stack. Nothing here allocates. */
static int call (lua_State *L, arena *a) {
  int i, status;
  for (i = CHUNK; i <= CHUNK + PREPARED; i++)
    lua_pushvalue(L, i);
  lua_pushnumber(L, a->at > 0 && a != &of_lua ? IMPATIENT : PATIENT);
  a->made = 0;
  a->armed = a->at > 0;
  status = lua_pcall(L, ARGUMENTS, RESULTS, 0);
  a->armed = 0;
  return status;
}

/* All that the script expects came about. */
static void check_whole (lua_State *L, int status) {
  if (!check(status == 0)) printf("  %s\n", lua_tostring(L, -1));
  else if (!check(lua_tonumber(L, -3) > 20 && lua_tonumber(L, -3) == lua_tonumber(L, -2)))
    printf("  not what is expected as number %d\n", (int)lua_tonumber(L, -1));
}

/* Memory was short: less of it came about, or a raise says so. */
static void check_short (lua_State *L, int status) {
  const char *message = lua_type(L, -1) == LUA_TSTRING ? lua_tostring(L, -1) : "?";
  if (status == 0) check(lua_tonumber(L, -3) <= lua_tonumber(L, -2));
  else if (!check(strstr(message, "memory") != NULL)) printf("  %s\n", message);
}

static long kept; /* blocks that OpenSSL has more after the last run than before it */

/* One state, a run with the failure and one without; 0 when the failure was not reached. */
static int run (arena *a, long at, int forever) {
  int status, reached, descriptors = open_descriptors();
  long live = of_c.live, live_ssl = of_openssl.live;
  lua_State *L = lua_newstate(lua_memory, NULL);
  about("%s allocation %ld%s", a->name, at, forever ? " and all that follow" : "");
  lua_atpanic(L, panic);
  check(prepare(L));
  a->at = at;
  a->forever = forever;
  status = call(L, a);
  a->at = 0;
  reached = a->made >= at;
  if (reached && !(a == &of_lua && !forever && COLLECTS)) check_short(L, status);
  else if (a == &of_lua) check_whole(L, status); /* others were in a hurry: the next run tells */
  lua_settop(L, CHUNK + PREPARED);
  check_whole(L, call(L, a));
  lua_close(L);
  hang_up();
  remove_files();
  OPENSSL_thread_stop(); /* with the texts of its errors */
  check(ended_threads());
  check(of_lua.live == 0);
  check(of_c.live == live);
  kept = of_openssl.live - live_ssl;
  check(open_descriptors() == descriptors);
  return reached;
}

enum { LIBCURL_DIVIDED = 77 };

/*
** libcurl (7.88, singlesocket in multi.c) empties the table of a socket's transfers when it is
** out of memory, leaves it with 0 slots and divides by them at the next look.
*/
static void on_division (int number, siginfo_t *info, void *unused) {
  Dl_info found;
  (void)unused;
  if (dladdr(info->si_addr, &found) && found.dli_fname && strstr(found.dli_fname, "libcurl"))
    _exit(LIBCURL_DIVIDED);
  signal(number, SIG_DFL);
}

/* How far a sweep is; parent and children share it. */
static struct progress {
  long at, divided;
  int failed, ended;
} * progress;

/* OpenSSL may keep what it has come to know, a name say; but not once more the next time. */
static int run_checked (arena *a, long at, int forever) {
  int reached = run(a, at, forever);
  if (kept) reached = run(a, at, forever);
  check(kept == 0);
  return reached;
}

static void run_on (arena *a, int forever) {
  struct sigaction action;
  memset(&action, 0, sizeof action);
  action.sa_sigaction = on_division;
  action.sa_flags = SA_SIGINFO;
  sigaction(SIGFPE, &action, NULL);
  while (!progress->ended) {
    progress->at++;
    if (!run_checked(a, progress->at, forever) || progress->at > MOST) progress->ended = 1;
    if (failures()) progress->failed = 1;
    fflush(stdout);
  }
}

/* A child goes on from where the last one ended; after a crash, that is one further. */
static void run_apart (arena *a, int forever) {
  int status;
  pid_t child;
  fflush(stdout);
  child = fork();
  if (child == 0) {
    run_on(a, forever);
    _exit(0);
  }
  if (child < 0 || waitpid(child, &status, 0) != child) abort();
  if (WIFEXITED(status) && WEXITSTATUS(status) == LIBCURL_DIVIDED) progress->divided++;
  else if (!check(WIFEXITED(status) && WEXITSTATUS(status) == 0))
    printf("  %s allocation %ld: signal %d\n", a->name, progress->at, WTERMSIG(status));
}

static void sweep (arena *a, int forever, const char *name) {
  test(name);
  memset(progress, 0, sizeof *progress);
  while (!progress->ended)
    run_apart(a, forever);
  check(!progress->failed);
  printf("%s: %ld allocations", name, progress->at - 1);
  printf(progress->divided ? ", of which %ld make libcurl divide by zero\n" : "\n",
         progress->divided);
  about("how many");
  check(progress->at > FEWEST && progress->at < MOST);
  check(progress->divided <= DIVISIONS);
}

/* What a process sets up once is set up, and what comes of a run without failures is known. */
static int warm_up (void) {
  lua_State *L = lua_newstate(lua_memory, NULL);
  if (!L) return 0;
  lua_atpanic(L, panic);
  test("without a failure everything comes out as it should");
  check(prepare(L));
  check_whole(L, call(L, &of_lua));
  lua_close(L);
  hang_up();
  remove_files();
  OPENSSL_thread_stop();
  return 1;
}

int main (int argc, char **argv) {
  progress =
      mmap(NULL, sizeof *progress, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (progress == MAP_FAILED || !mkdtemp(directory)) abort();
  CRYPTO_set_mem_functions(ssl_malloc, ssl_realloc, ssl_free);
  curl_global_init_mem(CURL_GLOBAL_DEFAULT, c_malloc, c_free, c_realloc, c_strdup, c_calloc);
  server.listener = loopback_listen(&server.port, 64);
  if (warm_up()) {
    sweep(&of_lua, 0, "one of Lua's allocations fails");
    sweep(&of_lua, 1, "Lua's memory ends");
    sweep(&of_c, 0, "one of our allocations or of libcurl's fails");
    sweep(&of_c, 1, "our memory and libcurl's ends");
    if (argc > 1 && strcmp(argv[1], "openssl") == 0) {
      sweep(&of_openssl, 0, "one of OpenSSL's allocations fails");
      sweep(&of_openssl, 1, "OpenSSL's memory ends");
    }
  }
  else {
    test("failing allocations");
    skip("this Lua takes no allocator (LuaJIT on x64 without GC64)");
  }
  close(server.listener);
  rmdir(directory);
  return finish(PROGRAM);
}
