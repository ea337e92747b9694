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

/* Lets extended errors survive in SERVFAIL, from which the host takes them. 0 on failure. */
int mxw_register_servfail(struct module_env *env, int id);
void mxw_unregister_servfail(struct module_env *env, int id);

/* What a decision needs of a query. */
struct mxw_question {
  const uint8_t *qname; /* wire form, as the client wrote it */
  size_t qname_bytes;
  uint16_t qtype;
  uint16_t qclass;
  uint8_t address[16];  /* of the client, network order */
  size_t address_bytes; /* 4 or 16; 0: not known (a Unix socket) */
  int64_t time_us;      /* since 1970 */
  size_t worker;
};
/* Name, type and class alone: cheap. */
void mxw_read_question(struct module_qstate *qstate, struct mxw_question *question);
/* The rest; 0 if no client waits for this query: a look-up of the resolver's own, or a prefetch. */
int mxw_read_client(struct module_qstate *qstate, struct mxw_question *question);

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
/* Finishes; no answer is sent. Over TCP the host closes the connection. */
void mxw_answer_drop(struct module_qstate *qstate, int id);

/* Has an extended error (RFC 8914) sent with the answer to clients that speak EDNS. Without memory
 * for it the answer goes out alone. */
void mxw_add_extended_error(struct module_qstate *qstate, int id, uint16_t code, const char *text);
/* The host is about to free the query. */
void mxw_forget(struct module_qstate *qstate, int id);

/* Keeps the answer to this query out of the host's message cache. */
void mxw_do_not_cache(struct module_qstate *qstate);

#ifdef __cplusplus
}
#endif

#endif
