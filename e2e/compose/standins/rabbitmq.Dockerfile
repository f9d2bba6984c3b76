# Stand-in for rabbitmq with management: Debian's RabbitMQ 4. It reads RABBITMQ_DEFAULT_USER and _PASS itself.
ARG BASE
FROM ${BASE}
RUN apt-get update && apt-get install -y --no-install-recommends rabbitmq-server && rm -rf /var/lib/apt/lists/* \
 && install -d /etc/rabbitmq/conf.d && echo '[rabbitmq_management].' >/etc/rabbitmq/enabled_plugins
COPY rabbitmq-entrypoint /usr/local/bin/
ENV PATH=/usr/lib/rabbitmq/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/var/lib/rabbitmq
EXPOSE 5672 15672
ENTRYPOINT ["rabbitmq-entrypoint"]
CMD ["rabbitmq-server"]
