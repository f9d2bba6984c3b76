# Stand-in for redis: Debian's, with its data in /data.
ARG BASE
FROM ${BASE}
RUN apt-get update && apt-get install -y --no-install-recommends redis-server && rm -rf /var/lib/apt/lists/* \
 && install -d -o redis -g redis /data
WORKDIR /data
EXPOSE 6379
ENTRYPOINT ["setpriv", "--reuid=redis", "--regid=redis", "--clear-groups", "--"]
CMD ["redis-server", "--protected-mode", "no"]
