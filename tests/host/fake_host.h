/* A host for faults that a real one cannot be made to have: no memory in the middle of an answer, a
 * query without a client, a name that is none. It has Unbound's structures (from its headers),
 * loads the module as Unbound does, and gives the few functions that the module imports. */
#ifndef MXW_FAKE_HOST_H
#define MXW_FAKE_HOST_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

struct fake_host;

/* dlopen() with the flags of dynlibmod.c, and the six functions. NULL with fake_error() else. */
struct fake_host *fake_load(const char *module);
const char *fake_error(void);
/* The module's init() and deinit(). */
int fake_init(struct fake_host *host, size_t workers);
void fake_deinit(struct fake_host *host);
/* init() with an environment that cannot be read: a touch ends the process. */
int fake_init_unreadable(struct fake_host *host);
void fake_deinit_unreadable(struct fake_host *host);
/* dlclose(); frees the host. 0 on success. */
int fake_unload(struct fake_host *host);
size_t fake_get_mem(struct fake_host *host);
/* How many callbacks are registered. */
size_t fake_callbacks(const struct fake_host *host);

/* What was logged since the last call, a line each. */
const char *fake_log(void);

/* The next `n` allocations from a query's region succeed, then none does; -1: all do. */
void fake_allow_allocations(long n);
/* How many blocks this process has from the heap. 0 always in a sanitized build, where the
 * sanitizer looks for leaks itself. */
size_t fake_heap_blocks(void);

/* Whether pthread_create() works; 1 always in a sanitized build, whose own it is. Returns what
 * holds now. */
int fake_allow_threads(int allowed);

enum fake_state { FAKE_PASSED_ON, FAKE_FINISHED, FAKE_ERROR, FAKE_WAITS, FAKE_UNTOUCHED };
enum fake_event { FAKE_NEW, FAKE_PASS, FAKE_MODDONE, FAKE_NOREPLY };

struct fake_name {
  const uint8_t *octets; /* wire form */
  size_t bytes;
};

struct fake_question {
  const uint8_t *qname;
  size_t qname_bytes;
  uint16_t qtype;
  uint16_t qclass;
  int family; /* AF_INET, AF_INET6, AF_UNIX; 0: no client waits */
  uint8_t address[16];
  enum fake_event event;
  int edns;
  /* What upstream says where the module passes the question on: CNAMEs that lead to these names,
   * and one MX at the last. Then operate() gets module_event_moddone. */
  int resolves;
  const struct fake_name *aliases;
  size_t alias_count;
  int joined_family; /* of a second client, who asks the same meanwhile; 0: none */
  uint8_t joined_address[16];
  int has_super;    /* another look-up waits for this one */
  int in_subnet;    /* an option for the client's subnet went upstream */
  int has_rpz;      /* there are policy zones */
  int behind_dns64; /* which stores answers unless it is told otherwise */
  int no_subs;      /* no look-up can be had for a query */
  int no_timers;    /* nor a timer */
  int no_lookup;    /* somebody else keeps the answer from the caches */
};

struct fake_reply {
  enum fake_state state;
  int rcode; /* of the message, or without one of the state */
  int has_message;
  int dropped;
  int no_cache_store;
  int security_is_insecure;
  uint16_t flags;
  size_t answers; /* RRs */
  size_t authorities;
  uint16_t type; /* of the RRset */
  uint8_t owner[256];
  size_t owner_bytes;
  uint8_t rdata[256]; /* of the first RR, without the length */
  size_t rdata_bytes;
  long ttl_s;
  int host_stored; /* the host was let store what came */
  int stored;      /* the module had it stored */
  int uncached;    /* the module had it taken out of the cache */
  int dns64_stores;
  int waited;              /* for look-ups; then the time was over */
  int timers_left;         /* when the query was cleared */
  int unique;              /* the module had later clients kept away */
  size_t heap_allocations; /* by the module; 0 always in a sanitized build */
  int remembered;          /* the module kept something of the query when it was cleared */
  size_t ede_options;
  uint16_t ede_code; /* what the reply callback attached; 0: nothing */
  char ede_text[1300];
};

/* Runs operate() on one query, what follows of it, the reply callback where it is finished, and
 * clear(). */
struct fake_reply fake_ask(struct fake_host *host, const struct fake_question *question);

#ifdef __cplusplus
}
#endif

#endif
