/* See shim.h. The only file that includes the host's headers. */
#include "config.h"

#include "daemon/worker.h"
#include "dynlibmod/dynlibmod.h"
#include "services/authzone.h"
#include "services/cache/dns.h"
#include "services/cache/infra.h"
#include "services/mesh.h"
#include "sldns/rrdef.h"
#include "util/config_file.h"
#include "util/data/dname.h"
#include "util/data/msgencode.h"
#include "util/data/msgparse.h"
#include "util/data/msgreply.h"
#include "util/data/packed_rrset.h"
#include "util/log.h"
#include "util/module.h"
#include "util/net_help.h"
#include "util/netevent.h"
#include "util/regional.h"
#include "util/storage/lruhash.h"
#include "util/storage/slabhash.h"
#include "validator/validator.h"

#include "unbound/shim.h"

#ifndef HAVE_PTHREAD
#error "the host must be built with threads: with processes there is no common housekeeping thread"
#endif

const char *const mxw_host_version = PACKAGE_VERSION;

void mxw_log_error(const char *text) { log_err("%s", text); }
void mxw_log_warning(const char *text) { log_warn("%s", text); }
void mxw_log_info(const char *text) { log_info("%s", text); }

static struct dynlibmod_env *dynlib_of(struct module_env *env, int id) {
  return (struct dynlibmod_env *)env->modinfo[id];
}

void mxw_set_owner(struct module_env *env, int id, void *owner) {
  dynlib_of(env, id)->dyn_env = owner;
}

void *mxw_owner(struct module_env *env, int id) { return dynlib_of(env, id)->dyn_env; }

void *mxw_owner_of(struct module_qstate *qstate, int id) { return mxw_owner(qstate->env, id); }

size_t mxw_worker_count(struct module_env *env) {
  return env->cfg->num_threads > 0 ? (size_t)env->cfg->num_threads : 1;
}

/* The host has just taken off the option that mxw_add_extended_error() made. */
static int attach_to_servfail(struct query_info *qinfo, struct module_qstate *qstate,
                              struct reply_info *rep, int rcode, struct edns_data *edns,
                              struct edns_option **opt_list_out, struct comm_reply *repinfo,
                              struct regional *region, struct timeval *start_time, int id,
                              void *callback) {
  (void)qinfo;
  (void)rep;
  (void)rcode;
  (void)edns;
  (void)repinfo;
  (void)start_time;
  (void)callback;
  /* Without a state the host answers before any module was asked. */
  const struct mxw_kept *kept = qstate == NULL ? NULL : qstate->minfo[id];
  const struct edns_option *option = kept == NULL ? NULL : kept->extended_error;
  if (option != NULL)
    (void)edns_opt_list_append(opt_list_out, option->opt_code, option->opt_len, option->opt_data,
                               region);
  return 1;
}

static int is_alias(const struct ub_packed_rrset_key *rrset) {
  const uint16_t type = ntohs(rrset->rk.type);
  return type == LDNS_RR_TYPE_CNAME || type == LDNS_RR_TYPE_DNAME;
}

/* Most often both are written alike, and then comparing by the letter is not needed. */
static int is_same_name(const struct query_info *a, const struct query_info *b) {
  return (a->qname_len == b->qname_len && memcmp(a->qname, b->qname, a->qname_len) == 0) ||
         query_dname_compare(a->qname, b->qname) == 0;
}

/* True of what the host may store at once: a referral, and the whole answer to what was asked with
 * no alias in it. Anything else may be a part of an answer that leads to a look-alike. */
static int may_store(const struct module_qstate *qstate, const struct dns_msg *response,
                     const struct mxw_kept *kept) {
  const struct reply_info *rep = response->rep;
  if (rep->an_numrrsets == 0 && FLAGS_GET_RCODE(rep->flags) == LDNS_RCODE_NOERROR &&
      !(rep->flags & BIT_AA)) {
    int has_ns = 0;
    int has_soa = 0;
    for (size_t i = 0; i < rep->ns_numrrsets; ++i) {
      has_ns |= rep->rrsets[i]->rk.type == htons(LDNS_RR_TYPE_NS);
      has_soa |= rep->rrsets[i]->rk.type == htons(LDNS_RR_TYPE_SOA);
    }
    if (has_ns && !has_soa)
      return 1;
  }
  if (kept->contested)
    return 0;
  if (response->qinfo.qtype != qstate->qinfo.qtype ||
      !is_same_name(&response->qinfo, &qstate->qinfo)) /* to find the way, or an alias's target */
    return rep->an_numrrsets == 0 && dname_subdomain_c(qstate->qinfo.qname, response->qinfo.qname);
  for (size_t i = 0; i < rep->an_numrrsets; ++i)
    if (is_alias(rep->rrsets[i]))
      return 0;
  return 1;
}

/* True if the answer is of a stub or forward zone that is not to be cached. */
static int is_of_uncached_zone(const struct module_qstate *qstate, const struct mxw_kept *kept) {
#ifdef MXW_HOST_TELLS_UNCACHED_ZONES
  (void)kept;
  return qstate->fwd_stub_no_cache;
#else
  return qstate->no_cache_lookup && !kept->skips_lookup;
#endif
}

/* Called for each response from upstream before it is stored, without one when none came in time:
 * failures are stored as ever. */
static int on_response(struct module_qstate *qstate, struct dns_msg *response, int id,
                       void *callback) {
  (void)callback;
  struct mxw_kept *kept = qstate->minfo[id];
  if (kept == NULL || !kept->holding || is_of_uncached_zone(qstate, kept))
    return 1;
  kept->held = response != NULL ? !may_store(qstate, response, kept) : kept->contested != 0;
  /* subnetcache says for each response whether it may be stored for all. */
  qstate->no_cache_store = kept->held || (qstate->env->unique_mesh && qstate->no_cache_store);
  return 1;
}

int mxw_register_callbacks(struct module_env *env, int id) {
  struct dynlibmod_env *dynlib = dynlib_of(env, id);
  return dynlib->inplace_cb_register_wrapped((void *)&attach_to_servfail, inplace_cb_reply_servfail,
                                             NULL, env, id) &&
         dynlib->inplace_cb_register_wrapped((void *)&on_response, inplace_cb_query_response, NULL,
                                             env, id);
}

void mxw_unregister_callbacks(struct module_env *env, int id) {
  struct dynlibmod_env *dynlib = dynlib_of(env, id);
  dynlib->inplace_cb_delete_wrapped(env, inplace_cb_reply_servfail, id);
  dynlib->inplace_cb_delete_wrapped(env, inplace_cb_query_response, id);
}

const char *mxw_misplaced(const struct module_env *env) {
  static const char *const known[] = {"validator", "subnetcache", "cachedb", "iterator"};
  const char *ours = strstr(env->cfg->module_conf, "dynlib");
  for (size_t i = 0; i < sizeof(known) / sizeof(*known); ++i) {
    const char *other = strstr(env->cfg->module_conf, known[i]);
    if (other != NULL && other < ours)
      return known[i];
  }
  return NULL;
}

size_t mxw_worker_of(const struct module_qstate *qstate) {
  return (size_t)qstate->env->worker->thread_num;
}

void mxw_read_question(struct module_qstate *qstate, struct mxw_question *question) {
  memset(question, 0, sizeof(*question));
  question->qname = qstate->qinfo.qname;
  question->qname_bytes = qstate->qinfo.qname_len;
  question->qtype = qstate->qinfo.qtype;
  question->qclass = qstate->qinfo.qclass;
}

static int64_t now_us(const struct module_qstate *qstate) {
  const struct timeval *now = qstate->env->now_tv;
  return (int64_t)now->tv_sec * 1000000 + now->tv_usec;
}

/* Whether `asked` is the AAAA that dns64 looks up the A of `qstate` for. */
static int is_made_of(const struct query_info *asked, const struct module_qstate *qstate) {
  return qstate->qinfo.qtype == LDNS_RR_TYPE_A && asked->qtype == LDNS_RR_TYPE_AAAA &&
         query_dname_compare(asked->qname, qstate->qinfo.qname) == 0;
}

/* Goes on to the next of those who wait for an AAAA that is made of this one, from `super` on. */
static int find_super_client(const struct module_qstate *qstate, struct mxw_client *client,
                             struct mesh_state_ref *super) {
  if (qstate->qinfo.qtype != LDNS_RR_TYPE_A)
    return 0;
  for (; super != (struct mesh_state_ref *)RBTREE_NULL;
       super = (struct mesh_state_ref *)rbtree_next(&super->node))
    if (super->s->reply_list != NULL && is_made_of(&super->s->s.qinfo, qstate)) {
      client->super = super;
      client->reply = super->s->reply_list;
      return 1;
    }
  return 0;
}

int mxw_first_client(const struct module_qstate *qstate, struct mxw_client *client) {
  struct mesh_state *state = qstate->mesh_info;
  client->super = NULL;
  client->reply = state->reply_list;
  return state->reply_list != NULL ||
         find_super_client(qstate, client,
                           (struct mesh_state_ref *)rbtree_first(&state->super_set));
}

int mxw_next_client(const struct module_qstate *qstate, struct mxw_client *client) {
  struct mesh_state *state = qstate->mesh_info;
  client->reply = ((const struct mesh_reply *)client->reply)->next;
  if (client->reply != NULL)
    return 1;
  struct mesh_state_ref *super = client->super;
  return find_super_client(qstate, client,
                           (struct mesh_state_ref *)(super == NULL ? rbtree_first(&state->super_set)
                                                                   : rbtree_next(&super->node)));
}

void mxw_read_client(const struct module_qstate *qstate, const struct mxw_client *client,
                     struct mxw_question *question) {
  const struct sockaddr_storage *address =
      client == NULL ? NULL : &((const struct mesh_reply *)client->reply)->query_reply.client_addr;
  question->address_bytes = 0;
  if (address != NULL && address->ss_family == AF_INET) {
    const struct sockaddr_in *v4 = (const struct sockaddr_in *)address;
    question->address_bytes = sizeof(v4->sin_addr);
    memcpy(question->address, &v4->sin_addr, sizeof(v4->sin_addr));
  } else if (address != NULL && address->ss_family == AF_INET6) {
    const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)address;
    question->address_bytes = sizeof(v6->sin6_addr);
    memcpy(question->address, &v6->sin6_addr, sizeof(v6->sin6_addr));
  }
  question->time_us = now_us(qstate);
}

/* The host itself makes a state unique only before it stands in the tree, whose order that changes.
 */
void mxw_do_not_share(struct module_qstate *qstate) {
  struct mesh_state *state = qstate->mesh_info;
  if (state->reply_list == NULL || state->super_set.count != 0 || state->sub_set.count != 0 ||
      state->unique != NULL)
    return;
  rbtree_type *all = &qstate->env->mesh->all;
  if (rbtree_delete(all, state) == NULL)
    return;
  mesh_state_make_unique(state);
  (void)rbtree_insert(all, &state->node);
}

int mxw_is_shared_with_host(const struct module_qstate *qstate) {
  struct mesh_state *state = qstate->mesh_info;
  struct mesh_state_ref *super;
  if (state->reply_list != NULL)
    RBTREE_FOR(super, struct mesh_state_ref *, &state->super_set)
  if (!is_made_of(&super->s->s.qinfo, qstate))
    return 1;
  return 0;
}

struct mxw_kept *mxw_keep(struct module_qstate *qstate, int id) {
  return qstate->minfo[id] = regional_alloc_zero(qstate->region, sizeof(struct mxw_kept));
}

struct mxw_kept *mxw_kept_of(struct module_qstate *qstate, int id) {
  return qstate->minfo[id];
}

enum mxw_step mxw_step_of(int event) {
  switch ((enum module_ev)event) {
  case module_event_new:
  case module_event_pass:
    return MXW_STEP_START;
  case module_event_moddone:
    return MXW_STEP_DONE;
  default:
    return MXW_STEP_OTHER;
  }
}

void mxw_pass_on(struct module_qstate *qstate, int id) {
  qstate->ext_state[id] = module_wait_module;
}

void mxw_finish(struct module_qstate *qstate, int id) { qstate->ext_state[id] = module_finished; }

void mxw_fail(struct module_qstate *qstate, int id) { qstate->ext_state[id] = module_error; }

/* One RRset in the query's region, or NULL. Its data are in one piece, as the host's are: whoever
 * copies it relies on that. */
static struct ub_packed_rrset_key *make_rrset(struct module_qstate *qstate,
                                              const struct mxw_records *records) {
  struct regional *region = qstate->region;
  struct ub_packed_rrset_key *key = regional_alloc_zero(region, sizeof(*key));
  size_t bytes = sizeof(struct packed_rrset_data);
  for (size_t i = 0; i < records->count; ++i)
    bytes += sizeof(size_t) + sizeof(uint8_t *) + sizeof(time_t) + sizeof(uint16_t) +
             records->rdatas[i].bytes;
  struct packed_rrset_data *data = regional_alloc_zero(region, bytes);
  if (key == NULL || data == NULL)
    return NULL;
  key->entry.key = key;
  key->entry.data = data;
  key->rk.dname_len = records->owner != NULL ? records->owner_bytes : qstate->qinfo.qname_len;
  key->rk.dname = regional_alloc_init(
      region, records->owner != NULL ? records->owner : qstate->qinfo.qname, key->rk.dname_len);
  key->rk.type = htons(records->type);
  key->rk.rrset_class = htons(LDNS_RR_CLASS_IN);
  if (key->rk.dname == NULL)
    return NULL;
  data->ttl = records->ttl_s;
  data->count = records->count;
  data->trust = rrset_trust_ultimate;
  data->security = sec_status_insecure;
  size_t *lengths = (size_t *)(void *)(data + 1);
  for (size_t i = 0; i < records->count; ++i)
    lengths[i] = records->rdatas[i].bytes + sizeof(uint16_t);
  packed_rrset_ptr_fixup(data); /* sets the pointers by the lengths */
  for (size_t i = 0; i < records->count; ++i) {
    const struct mxw_rdata *rdata = &records->rdatas[i];
    data->rr_ttl[i] = records->ttl_s;
    sldns_write_uint16(data->rr_data[i], (uint16_t)rdata->bytes);
    memcpy(data->rr_data[i] + sizeof(uint16_t), rdata->octets, rdata->bytes);
  }
  return key;
}

int mxw_answer(struct module_qstate *qstate, int id, uint8_t rcode, int negative,
               const struct mxw_records *records) {
  struct dns_msg *msg =
      dns_msg_create(qstate->qinfo.qname, qstate->qinfo.qname_len, qstate->qinfo.qtype,
                     qstate->qinfo.qclass, qstate->region, 1);
  struct ub_packed_rrset_key *rrset = msg == NULL ? NULL : make_rrset(qstate, records);
  if (rrset == NULL)
    return 0;
  struct reply_info *rep = msg->rep;
  rep->flags = (uint16_t)(BIT_QR | BIT_RA | rcode);
  rep->ttl = records->ttl_s;
  rep->prefetch_ttl = PREFETCH_TTL_CALC(rep->ttl);
  rep->serve_expired_ttl = rep->ttl;
  /* A status below that would be answered as bogus where the host validates. */
  rep->security = sec_status_insecure;
  rep->rrsets[0] = rrset;
  rep->rrset_count = 1;
  rep->an_numrrsets = negative ? 0 : 1;
  rep->ns_numrrsets = negative ? 1 : 0;
  qstate->return_msg = msg;
  qstate->return_rcode = LDNS_RCODE_NOERROR; /* that of the message counts */
  mxw_finish(qstate, id);
  return 1;
}

void mxw_answer_rcode(struct module_qstate *qstate, int id, uint8_t rcode) {
  qstate->return_msg = NULL;
  qstate->return_rcode = rcode;
  mxw_finish(qstate, id);
}

void mxw_answer_drop(struct module_qstate *qstate, int id) {
#ifdef MXW_HOST_FORGETS_DROPPED
  struct mesh_area *mesh = qstate->env->mesh;
  for (struct mesh_reply *r = qstate->mesh_info->reply_list; r != NULL; r = r->next) {
    /* The host gives up a connection for each question on it that it drops; a second time would put
     * it twice among those that are free. */
    for (struct mesh_reply **next = &r->next; *next != NULL;)
      if ((*next)->query_reply.c == r->query_reply.c && r->query_reply.c->type != comm_udp) {
        infra_wait_limit_dec(mesh->env->infra_cache, &(*next)->query_reply, mesh->env->cfg);
        if (mesh->num_reply_addrs > 0)
          --mesh->num_reply_addrs;
        *next = (*next)->next;
      } else {
        next = &(*next)->next;
      }
    /* It takes the clients that it sends an answer to off its count of waiting ones, but not those
     * that it drops: after some thousand of them it would let no two clients wait for one answer.
     */
    if (mesh->num_reply_addrs > 0)
      --mesh->num_reply_addrs;
  }
#endif
  qstate->is_drop = 1;
  mxw_finish(qstate, id);
}

void mxw_add_extended_error(struct module_qstate *qstate, int id, uint16_t code, const char *text) {
  struct edns_option *option = NULL;
  if (!edns_opt_list_append_ede(&option, qstate->region, (sldns_ede_code)code, text) ||
      option == NULL)
    return;
  option->next = qstate->edns_opts_front_out;
  qstate->edns_opts_front_out = option;
  struct mxw_kept *kept = qstate->minfo[id];
  if (kept != NULL)
    kept->extended_error = option;
}

void mxw_forget(struct module_qstate *qstate, int id) {
  struct mxw_kept *kept = qstate->minfo[id];
  if (kept != NULL)
    comm_timer_delete(kept->timer);
  qstate->minfo[id] = NULL;
}

/* What dns64 remembers of a query. It stores what the modules behind it answer, unless the query
 * was not to be stored when it came; CMakeLists.txt sees to it that this is what the host has. */
struct dns64_kept {
  int state; /* an enum; 0 for a query that it does nothing about */
  int started_no_cache_store;
};

/* Where the dns64 in front of our module keeps that; NULL where there is none. */
static void **dns64_place(struct module_qstate *qstate, int id) {
  for (int i = 0; i < id; ++i)
    if (strcmp(qstate->env->mesh->mods.mod[i]->name, "dns64") == 0)
      return &qstate->minfo[i];
  return NULL;
}

int mxw_do_not_cache(struct module_qstate *qstate, int id) {
  qstate->no_cache_store = 1;
#ifdef USE_CACHEDB
  /* It puts what it finds into the message cache, whatever it is. */
  if (qstate->env->cachedb_enabled)
    qstate->no_cache_lookup = 1;
#endif
  void **place = dns64_place(qstate, id);
  if (place == NULL)
    return 1;
  if (*place == NULL) /* as it is for look-ups of its own */
    *place = regional_alloc_zero(qstate->region, sizeof(struct dns64_kept));
  struct dns64_kept *dns64 = *place;
  if (dns64 == NULL)
    return 0;
  dns64->started_no_cache_store = 1;
  return 1;
}

void mxw_do_not_synthesize(struct module_qstate *qstate, int id) {
  void **place = dns64_place(qstate, id);
  if (place != NULL && *place != NULL)
    ((struct dns64_kept *)*place)->state = 0;
}

void mxw_hold_store(struct module_qstate *qstate, struct mxw_kept *kept) {
#ifdef USE_CACHEDB
  /* It puts what it finds into the message cache, whatever it is. */
  if (qstate->env->cachedb_enabled && !qstate->no_cache_lookup)
    qstate->no_cache_lookup = kept->skips_lookup = 1;
#endif
  if (qstate->no_cache_store)
    return; /* somebody else's */
  kept->holding = 1;
  /* subnetcache keeps nothing for a query that is not to be stored when it comes. It stands behind
   * us, so that what it keeps passes here; only what is stored for all matters. */
  if (!qstate->env->unique_mesh)
    qstate->no_cache_store = kept->held = 1;
}

/* True where the host would not have stored the answer either: one that a policy zone or the
 * response-ip module may have made, one for the client's subnet, one of a zone without cache. */
static int is_for_this_client_only(const struct module_qstate *qstate,
                                   const struct mxw_kept *kept) {
  const struct auth_zones *zones = qstate->env->auth_zones;
  if ((zones != NULL && zones->rpz_first != NULL) || qstate->respip_action_info != NULL ||
      is_of_uncached_zone(qstate, kept))
    return 1;
#ifdef CLIENT_SUBNET
  if (edns_opt_list_find(qstate->edns_opts_back_out, qstate->env->cfg->client_subnet_opcode))
    return 1;
#endif
  return 0;
}

static void store(struct module_qstate *qstate, struct query_info *question,
                  struct reply_info *rep) {
  (void)dns_cache_store(qstate->env, question, rep, 0, qstate->prefetch_leeway, 0, NULL,
                        qstate->query_flags, qstate->qstarttime
#ifdef MXW_HOST_STORES_VALREC
                        ,
                        qstate->is_valrec
#endif
  );
}

void mxw_store(struct module_qstate *qstate, const struct mxw_kept *kept, int with_target) {
  if (!kept->held || kept->contested || qstate->return_msg == NULL ||
      !(qstate->query_flags & BIT_RD) || is_for_this_client_only(qstate, kept))
    return;
  struct reply_info *rep = qstate->return_msg->rep;
  store(qstate, &qstate->qinfo, rep);
  if (!with_target)
    return;
  /* The host also keeps what an alias leads to under its own name, for others that lead there. */
  struct reply_info rest = *rep;
  struct query_info target = qstate->qinfo;
  size_t aliases = 0;
  for (size_t i = 0; i < rep->an_numrrsets; ++i)
    if (is_alias(rep->rrsets[i])) {
      get_cname_target(rep->rrsets[i], &target.qname, &target.qname_len);
      aliases = i + 1;
    }
  /* For how long it is believed that something is not there the host knows alone. */
  if (aliases == 0 || aliases == rep->an_numrrsets || rep->security == sec_status_bogus ||
      rep->rrsets[aliases - 1]->rk.type != htons(LDNS_RR_TYPE_CNAME))
    return;
  rest.rrsets += aliases;
  rest.an_numrrsets -= aliases;
  rest.rrset_count -= aliases;
  rest.security = sec_status_unchecked; /* that of the whole may be the alias's */
  rest.ttl = ((struct packed_rrset_data *)rest.rrsets[0]->entry.data)->ttl;
  for (size_t i = 1; i < rest.rrset_count; ++i) {
    const struct packed_rrset_data *data = rest.rrsets[i]->entry.data;
    if (data->ttl < rest.ttl)
      rest.ttl = data->ttl;
  }
  rest.prefetch_ttl = PREFETCH_TTL_CALC(rest.ttl);
  rest.serve_expired_ttl = rest.ttl + qstate->env->cfg->serve_expired_ttl;
  store(qstate, &target, &rest);
}

void mxw_uncache(struct module_qstate *qstate) {
  const struct mxw_name name = {qstate->qinfo.qname, qstate->qinfo.qname_len};
  mxw_uncache_alias(qstate, &name);
}

void mxw_uncache_alias(struct module_qstate *qstate, const struct mxw_name *name) {
  msg_cache_remove(qstate->env, (uint8_t *)(uintptr_t)name->octets, name->bytes,
                   qstate->qinfo.qtype, qstate->qinfo.qclass, qstate->query_flags);
}

size_t mxw_aliases(const struct module_qstate *qstate, struct mxw_name *targets, size_t max) {
  const struct reply_info *rep = qstate->return_msg == NULL ? NULL : qstate->return_msg->rep;
  size_t found = 0;
  for (size_t i = 0; rep != NULL && i < rep->an_numrrsets; ++i) {
    uint8_t *target = NULL;
    size_t bytes = 0;
    if (rep->rrsets[i]->rk.type != htons(LDNS_RR_TYPE_CNAME))
      continue;
    get_cname_target(rep->rrsets[i], &target, &bytes);
    if (target == NULL)
      continue;
    if (found < max)
      targets[found] = (struct mxw_name){target, bytes};
    ++found;
  }
  return found;
}

/* ---- look-ups of our own ---- */

int mxw_look_up(struct module_qstate *qstate, const struct mxw_name *name, uint16_t type) {
  struct module_env *env = qstate->env;
  struct module_qstate *sub = NULL;
  struct query_info asked;
  memset(&asked, 0, sizeof(asked));
  asked.qname = (uint8_t *)(uintptr_t)name->octets;
  asked.qname_len = name->bytes;
  asked.qtype = type;
  asked.qclass = LDNS_RR_CLASS_IN;
  if ((*env->detect_cycle)(qstate, &asked, BIT_RD, 0, 0))
    return 0;
  return (*env->attach_sub)(qstate, &asked,
#ifdef MXW_HOST_SUBS_HAVE_CLIENTS
                            NULL,
#endif
                            BIT_RD, 0, 0, &sub);
}

int mxw_wait(struct module_qstate *qstate, int id, struct mxw_kept *kept, uint32_t timeout_ms) {
  if (qstate->mesh_info->sub_set.count == 0)
    return 0;
  if (kept->timer == NULL) {
    struct timeval limit = {timeout_ms / 1000, (suseconds_t)(timeout_ms % 1000) * 1000};
    /* The host calls functions of its own only. This one goes on with a query that waits. */
    kept->timer = comm_timer_create(qstate->env->worker_base, &validate_suspend_timer_cb, qstate);
    if (kept->timer == NULL)
      return 0;
    comm_timer_set(kept->timer, &limit);
    /* The timer's clock and the host's other one need not agree to the microsecond. */
    kept->over_us = now_us(qstate) + (int64_t)timeout_ms * 900;
  }
  qstate->ext_state[id] = module_wait_subquery;
  return 1;
}

int mxw_timed_out(const struct module_qstate *qstate, const struct mxw_kept *kept) {
  return kept->timer != NULL && now_us(qstate) >= kept->over_us;
}

void mxw_stop_waiting(struct module_qstate *qstate, struct mxw_kept *kept) {
  comm_timer_delete(kept->timer);
  kept->timer = NULL;
  if (qstate->mesh_info->sub_set.count != 0)
    (*qstate->env->detach_subs)(qstate);
}

void mxw_read_outcome(const struct module_qstate *qstate, uint16_t type,
                      struct mxw_outcome *outcome) {
  memset(outcome, 0, sizeof(*outcome));
  const struct reply_info *rep =
      qstate->return_rcode != LDNS_RCODE_NOERROR || qstate->return_msg == NULL
          ? NULL
          : qstate->return_msg->rep;
  const unsigned rcode = rep == NULL ? LDNS_RCODE_SERVFAIL : FLAGS_GET_RCODE(rep->flags);
  outcome->nxdomain = rcode == LDNS_RCODE_NXDOMAIN;
  outcome->failed = (rcode != LDNS_RCODE_NOERROR && rcode != LDNS_RCODE_NXDOMAIN) ||
                    rep->security == sec_status_bogus;
  if (outcome->failed)
    return;
  outcome->ttl_s = (uint32_t)rep->ttl;
  for (size_t i = 0; i < rep->an_numrrsets; ++i) {
    const struct packed_rrset_data *data = rep->rrsets[i]->entry.data;
    if (rep->rrsets[i]->rk.type != htons(type))
      continue;
    outcome->has_records = 1;
    for (size_t k = 0; k < data->count && type == LDNS_RR_TYPE_MX; ++k) {
      if (data->rr_len[k] <= 4) /* its own length and the preference */
        continue;
      if (outcome->host_count < sizeof(outcome->hosts) / sizeof(*outcome->hosts))
        outcome->hosts[outcome->host_count] =
            (struct mxw_name){data->rr_data[k] + 4, data->rr_len[k] - 4};
      ++outcome->host_count;
    }
  }
}

/* ---- purge ---- */

enum { BINS_AT_ONCE = 32, MARKED_AT_ONCE = 256 };

/* An answer that is to go. */
struct marked {
  uint8_t name[LDNS_MAX_DOMAINLEN + 1];
  size_t bytes;
  uint16_t qtype;
  uint16_t qclass;
};

/* True if the entry, whose lock and bin's lock are held, has to go. Its RRsets are not looked at:
 * when the host ends it takes them away without their locks. */
static int must_go(const struct lruhash_entry *entry,
                   int (*is_concerned)(const void *, const struct mxw_cached *),
                   const void *argument) {
  const struct query_info *asked = &((const struct msgreply_entry *)entry->key)->key;
  const struct reply_info *rep = entry->data;
  const struct mxw_cached cached = {{asked->qname, asked->qname_len},
                                    asked->qtype,
                                    rep->an_numrrsets > 1 ||
                                        (rep->an_numrrsets == 1 && rep->ns_numrrsets > 0)};
  return (asked->qclass == LDNS_RR_CLASS_IN || asked->qclass == LDNS_RR_CLASS_ANY) &&
         is_concerned(argument, &cached);
}

size_t mxw_purge(struct module_env *env,
                 int (*is_concerned)(const void *, const struct mxw_cached *),
                 const void *argument) {
  struct slabhash *cache = env->msg_cache;
  struct marked *marked = cache == NULL ? NULL : malloc(MARKED_AT_ONCE * sizeof(*marked));
  size_t purged = 0;
  if (marked == NULL)
    return 0;
  for (size_t slab = 0; slab < cache->size; ++slab) {
    struct lruhash *table = cache->array[slab];
    /* The table may double meanwhile: what was in bin n is then in n and n + the old size, both of
     * which come later if n does. It never shrinks. */
    for (size_t bin = 0, size = 1, again = 0; bin < size;) {
      size_t count = 0;
      lock_quick_lock(&table->lock);
      size = table->size;
      const size_t end = bin + BINS_AT_ONCE;
      for (; bin < size && bin < end && count < MARKED_AT_ONCE; ++bin) {
        lock_quick_lock(&table->array[bin].lock);
        for (struct lruhash_entry *entry = table->array[bin].overflow_list;
             entry != NULL && count < MARKED_AT_ONCE; entry = entry->overflow_next) {
          lock_rw_rdlock(&entry->lock);
          if (must_go(entry, is_concerned, argument)) {
            const struct query_info *asked = &((const struct msgreply_entry *)entry->key)->key;
            memcpy(marked[count].name, asked->qname, asked->qname_len);
            marked[count].bytes = asked->qname_len;
            marked[count].qclass = asked->qclass;
            marked[count++].qtype = asked->qtype;
          }
          lock_rw_unlock(&entry->lock);
        }
        lock_quick_unlock(&table->array[bin].lock);
      }
      lock_quick_unlock(&table->lock);
      if (count == MARKED_AT_ONCE && bin != again)
        again = bin--; /* there may be more in the last one */
      for (size_t i = 0; i < count; ++i) {
        /* Answers of AAAA are kept apart by that flag. */
        const uint16_t flags[] = {0, BIT_CD};
        for (size_t k = 0; k < 2; ++k)
          msg_cache_remove(env, marked[i].name, marked[i].bytes, marked[i].qtype, marked[i].qclass,
                           flags[k]);
      }
      purged += count;
    }
  }
  free(marked);
  return purged;
}
