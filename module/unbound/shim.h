/* The narrow way between the module's C++ and the host.
 *
 * shim.c alone includes Unbound's headers, which do not compile as C++, and hides what differs
 * between its versions. Everything here is plain C: the host's structures are opaque, what is
 * needed of them is copied into the structures below. Nothing here throws, locks or, beyond the
 * query's own region, allocates. Pointers that come out of a query live as long as it. */
#ifndef MXW_UNBOUND_SHIM_H
#define MXW_UNBOUND_SHIM_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

struct module_env;
struct module_qstate;

/* Which version of the host the module was compiled against: "1.17.1". */
extern const char *const mxw_host_version;

/* A line in the resolver's log. Needs no host structure. Any thread. */
void mxw_log_error(const char *text);
void mxw_log_warning(const char *text);
void mxw_log_info(const char *text);

/* Where the module keeps its owner object. */
void mxw_set_owner(struct module_env *env, int id, void *owner);
void *mxw_owner(struct module_env *env, int id);
void *mxw_owner_of(struct module_qstate *qstate, int id);
/* How many worker threads there will be; at init only. */
size_t mxw_worker_count(struct module_env *env);

/* Has the host call the module where it otherwise would not: for extended errors in SERVFAIL, from
 * which it takes them, and for each response from upstream, before it is stored. 0 on failure. */
int mxw_register_callbacks(struct module_env *env, int id);
void mxw_unregister_callbacks(struct module_env *env, int id);

/* A module that stands before ours and answers from a store of its own, or validates what we
 * answer: its name, or NULL. At init only. */
const char *mxw_misplaced(const struct module_env *env);

/* Which worker has the query: less than mxw_worker_count(). */
size_t mxw_worker_of(const struct module_qstate *qstate);

/* A name in wire form, in the case that it came in. */
struct mxw_name {
  const uint8_t *octets;
  size_t bytes;
};

/* An answer in the message cache. */
struct mxw_cached {
  struct mxw_name name;
  uint16_t qtype;
  int may_be_alias; /* it has more than the one RRset of a plain answer */
};
/* Takes those answers of class IN or ANY out of the message cache of which `is_concerned` returns
 * not 0. Any thread while the workers live; stops them for some microseconds at a time only.
 * Returns how many there were; without memory for a part of them that part, which is not empty. */
size_t mxw_purge(struct module_env *env,
                 int (*is_concerned)(const void *, const struct mxw_cached *),
                 const void *argument);

/* What a decision needs of a query. */
struct mxw_question {
  const uint8_t *qname; /* wire form, as the client wrote it */
  size_t qname_bytes;
  uint16_t qtype;
  uint16_t qclass;
  uint8_t address[16];  /* of the client, network order */
  size_t address_bytes; /* 4 or 16; 0: not known (a Unix socket) */
  int64_t time_us;      /* since 1970 */
};
/* Name, type and class alone: cheap. */
void mxw_read_question(struct module_qstate *qstate, struct mxw_question *question);

/* Somebody who waits for the answer: a place in the host's lists. */
struct mxw_client {
  const void *reply;
  void *super;
};
/* The first of those; 0 where nobody waits: a look-up of the resolver's own, or a prefetch. Who
 * waits for an AAAA that dns64 makes of an A waits for that A. */
int mxw_first_client(const struct module_qstate *qstate, struct mxw_client *client);
/* The one after `client`; 0 if it was the last. */
int mxw_next_client(const struct module_qstate *qstate, struct mxw_client *client);
/* The rest of a question; without a client its address stays unknown. */
void mxw_read_client(const struct module_qstate *qstate, const struct mxw_client *client,
                     struct mxw_question *question);
/* Clients that ask the same from now on get a look-up of their own. Only while this one is new. */
void mxw_do_not_share(struct module_qstate *qstate);
/* 1 if a client and a look-up of the resolver's own wait for the same answer. */
int mxw_is_shared_with_host(const struct module_qstate *qstate);

/* What the module remembers of a query between the host's calls. Lives in the query's region. */
struct mxw_kept {
  const void *extended_error; /* the shim's own */
  uint64_t generation;        /* of the rules that decided */
  uint64_t waits_for;         /* a hash of the name that is looked up */
  uint8_t holding;            /* the shim's own: mxw_hold_store() decides about the store */
  uint8_t held;               /* the shim's own: what came last was not stored */
  uint8_t skips_lookup;       /* the shim's own: mxw_hold_store() set no_cache_lookup */
  uint8_t contested;          /* the answer must never be stored */
  uint8_t settled;            /* the question's own name decides, whatever it is an alias of */
  uint8_t ended;              /* the resolver has its answer */
  uint8_t gave_up;            /* mxw_wait() took too long */
  uint8_t deferred;           /* the verdict depends on the answer that the resolver finds */
  void *timer;                /* the shim's own, and when it is over */
  int64_t over_us;
};
/* Makes it, all zero. NULL without memory. */
struct mxw_kept *mxw_keep(struct module_qstate *qstate, int id);
/* What mxw_keep() made, else NULL. */
struct mxw_kept *mxw_kept_of(struct module_qstate *qstate, int id);

/* Has the host look up the MX, A or AAAA of `name` for this query. inform_super() is called with
 * the outcome, and after it operate(), if the query waits. 0 if that cannot be. */
int mxw_look_up(struct module_qstate *qstate, const struct mxw_name *name, uint16_t type);
/* Leaves the query until what it looks up is there, or `timeout_ms` after the first call: then
 * operate() is called and mxw_timed_out() is 1. 0 if there is nothing to wait for, or no memory. */
int mxw_wait(struct module_qstate *qstate, int id, struct mxw_kept *kept, uint32_t timeout_ms);
int mxw_timed_out(const struct module_qstate *qstate, const struct mxw_kept *kept);
/* Ends the wait; what is still looked up is of no interest any more. Before the query is passed on.
 */
void mxw_stop_waiting(struct module_qstate *qstate, struct mxw_kept *kept);

/* What a look-up came to, as far as records of one type tell. */
struct mxw_outcome {
  int failed;      /* no answer, an error, or bogus */
  int nxdomain;    /* the name does not exist */
  int has_records; /* of the type that was meant */
  uint32_t ttl_s;
  struct mxw_name hosts[16]; /* of MX records: wire form, not looked at */
  size_t host_count;         /* how many there are; it may be more than stand in `hosts` */
};
void mxw_read_outcome(const struct module_qstate *qstate, uint16_t type,
                      struct mxw_outcome *outcome);

/* Wire rdata without its length. */
struct mxw_rdata {
  const char *octets;
  size_t bytes;
};
struct mxw_records {
  const uint8_t *owner; /* NULL: the query's name as the client wrote it */
  size_t owner_bytes;
  uint16_t type;
  uint32_t ttl_s;
  const struct mxw_rdata *rdatas;
  size_t count;
};

enum mxw_step { MXW_STEP_START, MXW_STEP_DONE, MXW_STEP_OTHER };
/* What the host's event asks of the module. */
enum mxw_step mxw_step_of(int event);

/* How the module leaves the query; one of them each time. */
void mxw_pass_on(struct module_qstate *qstate, int id);
void mxw_finish(struct module_qstate *qstate, int id);
void mxw_fail(struct module_qstate *qstate, int id);
/* Finishes with one RRset, in the answer section or (`negative`) in the authority section. 0 if
 * there is no memory; then nothing has changed. */
int mxw_answer(struct module_qstate *qstate, int id, uint8_t rcode, int negative,
               const struct mxw_records *records);
/* Finishes with a response code alone. */
void mxw_answer_rcode(struct module_qstate *qstate, int id, uint8_t rcode);
/* Finishes; no answer is sent to clients. Over TCP the host closes the connection. */
void mxw_answer_drop(struct module_qstate *qstate, int id);

/* Has an extended error (RFC 8914) sent with the answer to clients that speak EDNS. Without memory
 * for it the answer goes out alone. */
void mxw_add_extended_error(struct module_qstate *qstate, int id, uint16_t code, const char *text);
/* The host is about to free the query. */
void mxw_forget(struct module_qstate *qstate, int id);

/* Keeps the answer to this query out of the host's caches. 0 if there is no memory for that; then
 * the query must not get an answer that must not be stored. */
int mxw_do_not_cache(struct module_qstate *qstate, int id);
/* Keeps dns64 from making an answer of its own where the one to this query is negative. */
void mxw_do_not_synthesize(struct module_qstate *qstate, int id);
/* Keeps it out until it is known: referrals, failures and answers that are no alias the host stores
 * as ever, the others wait for mxw_store(). Answers of `contested` questions are never stored. */
void mxw_hold_store(struct module_qstate *qstate, struct mxw_kept *kept);
/* Stores what mxw_hold_store() kept back, unless the host had another reason not to; `with_target`
 * also what an alias leads to, under its own name. */
void mxw_store(struct module_qstate *qstate, const struct mxw_kept *kept, int with_target);
/* Takes the answer to this query out of the message cache, and that to the same question about
 * `name`. */
void mxw_uncache(struct module_qstate *qstate);
void mxw_uncache_alias(struct module_qstate *qstate, const struct mxw_name *name);

/* The names that the answer's CNAME records lead to, in order; `max` at most are written. Returns
 * how many there are. Those that a DNAME makes are among them. */
size_t mxw_aliases(const struct module_qstate *qstate, struct mxw_name *targets, size_t max);

#ifdef __cplusplus
}
#endif

#endif
