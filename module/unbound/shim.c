/* See shim.h. The only file that includes the host's headers. */
#include "config.h"

#include "daemon/worker.h"
#include "dynlibmod/dynlibmod.h"
#include "services/cache/dns.h"
#include "services/mesh.h"
#include "sldns/rrdef.h"
#include "util/config_file.h"
#include "util/data/msgencode.h"
#include "util/data/msgparse.h"
#include "util/data/msgreply.h"
#include "util/data/packed_rrset.h"
#include "util/log.h"
#include "util/module.h"
#include "util/net_help.h"
#include "util/regional.h"

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

/* minfo holds the option that mxw_add_extended_error() made: the host has just taken it off. */
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
  const struct edns_option *kept = qstate == NULL ? NULL : qstate->minfo[id];
  if (kept != NULL)
    (void)edns_opt_list_append(opt_list_out, kept->opt_code, kept->opt_len, kept->opt_data, region);
  return 1;
}

int mxw_register_servfail(struct module_env *env, int id) {
  return dynlib_of(env, id)->inplace_cb_register_wrapped((void *)&attach_to_servfail,
                                                         inplace_cb_reply_servfail, NULL, env, id);
}

void mxw_unregister_servfail(struct module_env *env, int id) {
  dynlib_of(env, id)->inplace_cb_delete_wrapped(env, inplace_cb_reply_servfail, id);
}

void mxw_read_question(struct module_qstate *qstate, struct mxw_question *question) {
  memset(question, 0, sizeof(*question));
  question->qname = qstate->qinfo.qname;
  question->qname_bytes = qstate->qinfo.qname_len;
  question->qtype = qstate->qinfo.qtype;
  question->qclass = qstate->qinfo.qclass;
}

int mxw_read_client(struct module_qstate *qstate, struct mxw_question *question) {
  const struct mesh_reply *reply = qstate->mesh_info->reply_list;
  if (reply == NULL)
    return 0;
  const struct sockaddr_storage *address = &reply->query_reply.client_addr;
  if (address->ss_family == AF_INET) {
    const struct sockaddr_in *v4 = (const struct sockaddr_in *)address;
    question->address_bytes = sizeof(v4->sin_addr);
    memcpy(question->address, &v4->sin_addr, sizeof(v4->sin_addr));
  } else if (address->ss_family == AF_INET6) {
    const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)address;
    question->address_bytes = sizeof(v6->sin6_addr);
    memcpy(question->address, &v6->sin6_addr, sizeof(v6->sin6_addr));
  }
  const struct timeval *now = qstate->env->now_tv;
  question->time_us = (int64_t)now->tv_sec * 1000000 + now->tv_usec;
  question->worker = (size_t)qstate->env->worker->thread_num;
  return 1;
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

/* One RRset in the query's region, or NULL. */
static struct ub_packed_rrset_key *make_rrset(struct module_qstate *qstate,
                                              const struct mxw_records *records) {
  struct regional *region = qstate->region;
  struct ub_packed_rrset_key *key = regional_alloc_zero(region, sizeof(*key));
  struct packed_rrset_data *data = regional_alloc_zero(region, sizeof(*data));
  if (key == NULL || data == NULL)
    return NULL;
  key->entry.key = key;
  key->entry.data = data;
  key->rk.dname_len = records->owner != NULL ? records->owner_bytes : qstate->qinfo.qname_len;
  key->rk.dname = regional_alloc_init(
      region, records->owner != NULL ? records->owner : qstate->qinfo.qname, key->rk.dname_len);
  key->rk.type = htons(records->type);
  key->rk.rrset_class = htons(LDNS_RR_CLASS_IN);
  data->ttl = records->ttl_s;
  data->count = records->count;
  data->trust = rrset_trust_ultimate;
  data->security = sec_status_insecure;
  data->rr_len = regional_alloc(region, records->count * sizeof(*data->rr_len));
  data->rr_ttl = regional_alloc(region, records->count * sizeof(*data->rr_ttl));
  data->rr_data = regional_alloc(region, records->count * sizeof(*data->rr_data));
  if (key->rk.dname == NULL || data->rr_len == NULL || data->rr_ttl == NULL ||
      data->rr_data == NULL)
    return NULL;
  for (size_t i = 0; i < records->count; ++i) {
    const struct mxw_rdata *rdata = &records->rdatas[i];
    uint8_t *packed = regional_alloc(region, rdata->bytes + sizeof(uint16_t));
    if (packed == NULL)
      return NULL;
    sldns_write_uint16(packed, (uint16_t)rdata->bytes);
    memcpy(packed + sizeof(uint16_t), rdata->octets, rdata->bytes);
    data->rr_len[i] = rdata->bytes + sizeof(uint16_t);
    data->rr_ttl[i] = records->ttl_s;
    data->rr_data[i] = packed;
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
  /* It takes the clients that it sends an answer to off its count of waiting ones, but not those
   * that it drops: after some thousand of them it would let no two clients wait for one answer. */
  for (const struct mesh_reply *r = qstate->mesh_info->reply_list; r != NULL; r = r->next)
    if (qstate->env->mesh->num_reply_addrs > 0)
      --qstate->env->mesh->num_reply_addrs;
#endif
  qstate->is_drop = 1;
  mxw_answer_rcode(qstate, id, LDNS_RCODE_NOERROR);
}

void mxw_add_extended_error(struct module_qstate *qstate, int id, uint16_t code, const char *text) {
  struct edns_option *option = NULL;
  if (!edns_opt_list_append_ede(&option, qstate->region, (sldns_ede_code)code, text) ||
      option == NULL)
    return;
  option->next = qstate->edns_opts_front_out;
  qstate->edns_opts_front_out = option;
  qstate->minfo[id] = option;
}

void mxw_forget(struct module_qstate *qstate, int id) { qstate->minfo[id] = NULL; }

void mxw_do_not_cache(struct module_qstate *qstate) { qstate->no_cache_store = 1; }
